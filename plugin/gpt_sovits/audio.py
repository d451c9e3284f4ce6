"""Sound on its way to Dify: pieces of a good size, and a short silence in each format."""

from __future__ import annotations

import struct
import time
from collections.abc import Callable, Iterable, Iterator

from plugin.gpt_sovits.errors import ServerFailedError, TtsError
from plugin.gpt_sovits.settings import SoundFormat

PIECE_BYTES = 32 * 1024
SMALL_PIECE_BYTES = 16 * 1024
WAV_PIECE_BYTES = 512 * 1024
LONGEST_HOLD_S = 0.5
HELD_SHARE = 0.25

_FRAME_BYTES = 144
_FRAME_S = 0.036
_RATE_HZ = 32_000


def gather(chunks: Iterable[bytes], clock: Callable[[], float] = time.monotonic) -> Iterator[bytes]:
    """Yield the bytes of `chunks` in fewer, larger pieces, the first one at once.

    Dify's daemon keeps at most 512 pieces of a call for a slow listener and then stops reading
    all calls of the plugin; and it cuts off a plugin whose line exceeds 5 MiB, at two hex digits
    a byte. So pieces are `SMALL_PIECE_BYTES` to `PIECE_BYTES`, smaller ones only when sound has
    been held for `LONGEST_HOLD_S` or is the last, or at the beginning: the first piece is often
    a third of a second, and a listener who has heard it must not wait for the next. So sound is
    held no longer than a share of the time since the first, a dozen small pieces in all. An error
    comes after all sound before it.
    """
    held, began_at, passed_on_at = bytearray(), float("inf"), float("-inf")
    try:
        for chunk in chunks:
            held += chunk
            now = clock()
            began_at = min(began_at, now)
            hold_s = min(LONGEST_HOLD_S, HELD_SHARE * (now - began_at))
            if len(held) < SMALL_PIECE_BYTES and now - passed_on_at <= hold_s:
                continue
            yield from _pieces(held)
            held, passed_on_at = bytearray(), now
    except TtsError:
        yield from _pieces(held)
        raise
    yield from _pieces(held)


def _pieces(data: bytearray, size: int = PIECE_BYTES) -> Iterator[bytes]:
    for start in range(0, len(data), size):
        yield bytes(data[start : start + size])


def whole_wav(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the WAV that `chunks` are, when all of it is there, with its length in the header.

    Dify plays no WAV before it is complete, and a stream's header cannot say how long it will be:
    players show days, or refuse the file.

    Raises:
        ServerFailedError: it is no WAV.
    """
    sound = bytearray().join(chunks)
    data_at = sound.find(b"data", 12)
    if not (sound.startswith(b"RIFF") and sound[8:12] == b"WAVE" and data_at > 0):
        raise ServerFailedError(
            "The speech server sent no WAV where one was asked for. See that it is of this "
            "plugin's version, or choose MP3."
        )
    struct.pack_into("<I", sound, 4, len(sound) - 8)
    struct.pack_into("<I", sound, data_at + 4, len(sound) - data_at - 8)
    yield from _pieces(sound, WAV_PIECE_BYTES)


def silence(sound_format: SoundFormat, duration_s: float) -> bytes:
    """Return a file of digital silence, at least `duration_s` long."""
    if sound_format is SoundFormat.WAV:
        return wav_file(bytes(2 * round(duration_s * _RATE_HZ)), _RATE_HZ)
    return silent_mp3(duration_s)


def wav_file(samples: bytes, sample_rate_hz: int) -> bytes:
    """Return `samples` (mono, signed 16-bit, little-endian) as a RIFF/WAVE file."""
    form = struct.pack("<HHIIHH", 1, 1, sample_rate_hz, 2 * sample_rate_hz, 2, 16)
    body = b"WAVEfmt " + struct.pack("<I", len(form)) + form
    body += b"data" + struct.pack("<I", len(samples)) + samples
    return b"RIFF" + struct.pack("<I", len(body)) + body


def silent_mp3(duration_s: float) -> bytes:
    """Return MP3 frames of digital silence, at least `duration_s` long.

    A frame of MPEG-1 layer III at 32 kbit/s, 32 kHz, mono has 144 bytes for 36 ms: the header

        FF FB    sync, MPEG-1, layer III, no checksum
        18       bit rate index 1 (32 kbit/s), rate index 2 (32 kHz), no padding
        C0       mono, not copyrighted, a copy, no emphasis

    17 bytes of side information and the main data, all zero: no bits for either granule, no
    spectral lines, which decodes to zeros.
    """
    frames = max(1, -int(-duration_s // _FRAME_S))
    frame = bytes([0xFF, 0xFB, 0x18, 0xC0]).ljust(_FRAME_BYTES, b"\0")
    return frame * frames
