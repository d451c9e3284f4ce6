"""Audio files in memory: decode what people upload, write WAV."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from typing import cast

import av
import numpy as np
import soundfile
from av.audio.frame import AudioFrame
from av.container import InputContainer

from engine.errors import ReferenceAudioError
from engine.types import Audio, Samples

# Playlists and device inputs can name other files and hosts; only plain containers are read.
CONTAINERS = "wav,w64,aiff,au,caf,mp3,flac,ogg,aac,mov,mp4,m4a,matroska,webm,amr,asf"
OPEN_OPTIONS = {"format_whitelist": CONTAINERS, "protocol_whitelist": "none"}


@dataclass(frozen=True, slots=True)
class AudioLimits:
    """What a recording may be; outside it is refused before or while it is decoded."""

    max_bytes: int = 25_000_000
    min_s: float = 0.0
    max_s: float = 600.0
    min_rate_hz: int = 8000
    max_rate_hz: int = 192_000


def decode(data: bytes, limits: AudioLimits | None = None) -> Audio:
    """Return the sound of the audio file `data`, channels averaged, at the file's own rate.

    Reads WAV, MP3, M4A, OGG (Vorbis, Opus), FLAC, AAC, AIFF, WebM and what else the list above
    allows; of a film, the first sound track.

    Raises:
        ReferenceAudioError: `data` is empty, larger than the limits, no audio, or damaged.
    """
    limits = limits or AudioLimits()
    if not data:
        raise ReferenceAudioError("the audio file is empty")
    if len(data) > limits.max_bytes:
        raise ReferenceAudioError(
            f"the audio file has {len(data)} bytes; the limit is {limits.max_bytes}"
        )
    try:
        with av.open(io.BytesIO(data), mode="r", options=OPEN_OPTIONS) as container:
            return _read(container, limits)
    except (av.FFmpegError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ReferenceAudioError(
            f"the audio file cannot be read ({reason}): send WAV, MP3, FLAC, OGG or M4A"
        ) from error


def encode_wav(audio: Audio) -> bytes:
    """Return a 16-bit PCM WAV file of `audio`; what lies beyond [-1, 1] is clipped."""
    target = io.BytesIO()
    soundfile.write(target, audio.samples, audio.sample_rate_hz, format="WAV", subtype="PCM_16")
    return target.getvalue()


def _read(container: InputContainer, limits: AudioLimits) -> Audio:
    if not container.streams.audio:
        raise ReferenceAudioError("the file holds no sound")
    rate_hz = container.streams.audio[0].rate
    if not limits.min_rate_hz <= rate_hz <= limits.max_rate_hz:
        raise ReferenceAudioError(
            f"the sample rate is {rate_hz} Hz; "
            f"{limits.min_rate_hz} to {limits.max_rate_hz} Hz can be used"
        )
    pieces: list[Samples] = []
    total = 0
    for piece in _mono_pieces(container):
        pieces.append(piece)
        total += len(piece)
        if total > limits.max_s * rate_hz:
            raise ReferenceAudioError(f"the audio is longer than {limits.max_s:g} s")
    if not total:
        raise ReferenceAudioError("the file holds no sound")
    if total < limits.min_s * rate_hz:
        raise ReferenceAudioError(
            f"the audio is {total / rate_hz:.2f} s long; at least {limits.min_s:g} s are needed"
        )
    return Audio(_finite(np.concatenate(pieces)), rate_hz)


def _mono_pieces(container: InputContainer) -> Iterator[Samples]:
    to_float = av.AudioResampler(format="fltp")
    for frame in container.decode(audio=0):
        yield from map(_mean_of_channels, to_float.resample(frame))
    yield from map(_mean_of_channels, to_float.resample(None))


def _mean_of_channels(frame: AudioFrame) -> Samples:
    channels = frame.to_ndarray()  # float32 [C, T]
    return cast(Samples, channels.mean(axis=0, dtype=np.float32))


def _finite(samples: Samples) -> Samples:
    if not np.isfinite(samples).all():
        raise ReferenceAudioError("the audio holds samples that are no numbers")
    return samples
