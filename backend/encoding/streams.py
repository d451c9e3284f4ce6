"""One encoder for one stream of speech: resample, limit, encode."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum, auto
from types import MappingProxyType
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from backend.encoding.level import to_int16
from backend.encoding.mp3 import RATES_HZ, Mp3Codec
from backend.encoding.pcm import PcmCodec
from backend.encoding.resampler import StreamResampler
from backend.encoding.wav import WavCodec
from backend.errors import InvalidFieldError

Samples = NDArray[np.float32]


class Encoding(Enum):
    """The forms that sound can take."""

    MP3 = auto()
    WAV = auto()
    PCM = auto()


class Codec(Protocol):
    """Turns 16-bit samples into bytes; joined, they are one valid file."""

    def feed(self, samples: NDArray[np.int16]) -> bytes:
        """Return the bytes that are ready after `samples` [T]."""

    def finish(self) -> bytes:
        """Return the last bytes."""


@dataclass(frozen=True, slots=True)
class EncodingSpec:
    """How to make a codec for a rate, and which rates it knows."""

    open: Callable[[int], Codec]
    rates_hz: tuple[int, ...]


PLAIN_RATES_HZ = (8000, *RATES_HZ)

ENCODINGS: Mapping[Encoding, EncodingSpec] = MappingProxyType(
    {
        Encoding.MP3: EncodingSpec(Mp3Codec, RATES_HZ),
        Encoding.WAV: EncodingSpec(WavCodec, PLAIN_RATES_HZ),
        Encoding.PCM: EncodingSpec(lambda _: PcmCodec(), PLAIN_RATES_HZ),
    }
)


class StreamEncoder:
    """Encodes one stream. `samples_in` counts the samples given to the codec so far."""

    def __init__(self, codec: Codec, resampler: StreamResampler) -> None:
        self.samples_in = 0
        self._codec = codec
        self._resampler = resampler

    def feed(self, samples: Samples) -> bytes:
        """Return the bytes that are ready after `samples` [T], float in [-1, 1]; maybe none."""
        return self._encode(self._resampler.feed(samples))

    def finish(self) -> bytes:
        """Return the last bytes."""
        return self._encode(self._resampler.finish()) + self._codec.finish()

    def _encode(self, samples: Samples) -> bytes:
        self.samples_in += len(samples)
        return self._codec.feed(to_int16(samples))


def check_rate(
    encoding: Encoding, rate_hz: int, field: str = "input.audio_format.sample_rate_hz"
) -> None:
    """Refuse a rate, given in `field`, that the encoding does not know.

    Raises:
        InvalidFieldError: with the rates that it knows.
    """
    known = ENCODINGS[encoding].rates_hz
    if rate_hz not in known:
        rates = ", ".join(str(rate) for rate in known)
        raise InvalidFieldError(field, f"{rate_hz} is not one of {rates}, or 0")


def open_encoder(encoding: Encoding, from_hz: int, to_hz: int) -> StreamEncoder:
    """Return an encoder for speech at `from_hz` that writes `to_hz`."""
    return StreamEncoder(ENCODINGS[encoding].open(to_hz), StreamResampler(from_hz, to_hz))
