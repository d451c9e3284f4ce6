"""Sound on its way to Dify."""

from __future__ import annotations

import io
from collections.abc import Iterator
from itertools import count

import pytest
import soundfile

from plugin.gpt_sovits.audio import (
    PIECE_BYTES,
    SMALL_PIECE_BYTES,
    WAV_PIECE_BYTES,
    gather,
    silence,
    silent_mp3,
    wav_file,
    whole_wav,
)
from plugin.gpt_sovits.errors import ServerFailedError
from plugin.gpt_sovits.settings import SoundFormat
from tests.plugin.sound import decode_mp3, is_bare_mp3, tone_mp3


def still() -> float:
    """A clock that stands still."""
    return 0.0


def test_the_first_sound_leaves_at_once() -> None:
    taken: list[int] = []

    def chunks():
        for size in (300, 300, 300):
            taken.append(size)
            yield b"x" * size

    pieces = gather(chunks(), still)
    assert len(next(pieces)) == 300
    assert taken == [300]


def test_later_sound_is_gathered_into_few_pieces() -> None:
    sizes = [len(piece) for piece in gather([b"x" * 1000] * 100, still)]
    assert sum(sizes) == 100_000
    assert sizes[0] == 1000
    assert all(SMALL_PIECE_BYTES <= size <= PIECE_BYTES for size in sizes[1:-1])


def test_no_piece_is_empty_or_large() -> None:
    data = bytes(range(256)) * 1000
    pieces = list(gather([b"", data, b"", b"end"], still))
    assert b"".join(pieces) == data + b"end"
    assert all(0 < len(piece) <= PIECE_BYTES for piece in pieces)


def test_slow_sound_is_not_held_back() -> None:
    seconds = count()
    pieces = list(gather([b"x" * 100] * 5, lambda: float(next(seconds))))
    assert [len(piece) for piece in pieces] == [100] * 5


def passed_on(chunk_s: float, spacing_s: float, count: int) -> list[tuple[float, float]]:
    """Return when pieces leave, and how much sound each holds, of chunks made at a steady pace."""
    now = 0.0
    bytes_a_second = 12_000  # 96 kbit/s

    def chunks() -> Iterator[bytes]:
        nonlocal now
        for number in range(count):
            now = number * spacing_s
            yield b"x" * round(chunk_s * bytes_a_second)

    return [(now, len(piece) / bytes_a_second) for piece in gather(chunks(), lambda: now)]


@pytest.mark.parametrize(("chunk_s", "spacing_s"), [(0.3, 0.1), (0.3, 0.2), (0.2, 0.15)])
def test_a_listener_of_a_server_that_keeps_up_never_waits(chunk_s: float, spacing_s: float) -> None:
    heard_until = 0.0
    for left_at, piece_s in passed_on(chunk_s, spacing_s, 100):
        assert left_at <= heard_until + 1e-9
        heard_until += piece_s


def test_a_long_speech_stays_below_what_the_daemon_keeps() -> None:
    minutes_ahead = passed_on(0.3, 0.1, 2 * 600)  # six minutes of sound in two
    assert len(minutes_ahead) < 512
    at_the_beginning = [piece for piece in minutes_ahead if piece[0] < 2.0]
    assert len(at_the_beginning) < 16


def test_sound_that_was_held_comes_before_the_error() -> None:
    def chunks():
        yield b"first"
        yield b"held"
        raise ServerFailedError("gone")

    pieces = gather(chunks(), still)
    assert [next(pieces), next(pieces)] == [b"first", b"held"]
    with pytest.raises(ServerFailedError):
        next(pieces)


def test_a_wav_says_how_long_it_is() -> None:
    file = wav_file(b"\1\0" * 500_000, 32_000)
    streamed = file[:4] + b"\xff" * 4 + file[8:40] + b"\xff" * 4 + file[44:]
    pieces = list(whole_wav([streamed[:50], streamed[50:1000], streamed[1000:]]))
    assert b"".join(pieces) == file
    assert max(map(len, pieces)) <= WAV_PIECE_BYTES


@pytest.mark.parametrize("sound", [b"RIFF", tone_mp3(0.5), wav_file(b"", 32_000)[:36]])
def test_what_is_no_wav_is_not_handed_on_as_one(sound: bytes) -> None:
    with pytest.raises(ServerFailedError, match="sent no WAV"):
        list(whole_wav([sound]))


def test_silence_comes_in_each_format() -> None:
    samples, rate_hz = soundfile.read(io.BytesIO(silence(SoundFormat.WAV, 0.5)))
    assert (len(samples) / rate_hz, samples.any()) == (0.5, False)
    assert silence(SoundFormat.MP3, 0.5) == silent_mp3(0.5)


def test_silence_decodes_to_zeros_of_its_length() -> None:
    samples, rate_hz = decode_mp3(silent_mp3(0.5))
    assert not samples.any()
    assert 0.5 <= len(samples) / rate_hz < 0.6


def test_silence_begins_with_a_frame_not_a_tag() -> None:
    assert silent_mp3(0.001)[:2] == b"\xff\xfb"
    assert is_bare_mp3(silent_mp3(0.5))


def test_a_tag_among_the_frames_would_be_noticed() -> None:
    sound = tone_mp3(0.5)
    assert is_bare_mp3(sound)
    assert not is_bare_mp3(b"ID3\4\0\0\0\0\0\0" + sound)
    assert not is_bare_mp3(sound + b"TAG")
    assert not is_bare_mp3(b"")
