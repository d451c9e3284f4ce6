"""MPEG-1/2 layer III frames by LAME, without ID3 or Xing headers.

The codec is used without a container, which is what would write those headers. The bit
reservoir is off: each frame decodes by itself and leaves as soon as it is complete, so the
first bytes need two frames of sound instead of three.
"""

from __future__ import annotations

import av
import numpy as np
from av.audio.codeccontext import AudioCodecContext
from numpy.typing import NDArray

RATES_HZ = (16000, 22050, 24000, 32000, 44100, 48000)
_MPEG2_BELOW_HZ = 32000


class Mp3Codec:
    """Encodes mono sound at 64 kbit/s up to 24 kHz, and at 96 kbit/s above."""

    def __init__(self, rate_hz: int) -> None:
        codec = AudioCodecContext.create("libmp3lame", "w")
        codec.sample_rate = rate_hz
        codec.layout = "mono"
        codec.format = "s16p"
        codec.bit_rate = 64_000 if rate_hz < _MPEG2_BELOW_HZ else 96_000
        codec.options = {"reservoir": "0"}
        self._codec = codec

    def feed(self, samples: NDArray[np.int16]) -> bytes:
        """Return the frames that are complete after `samples` [T]."""
        if not len(samples):
            return b""
        block = np.ascontiguousarray(samples)[None]
        frame = av.AudioFrame.from_ndarray(block, format="s16p", layout="mono")
        frame.sample_rate = self._codec.sample_rate
        return b"".join(bytes(packet) for packet in self._codec.encode(frame))

    def finish(self) -> bytes:
        """Return the frames that were held back, the last one padded with silence."""
        return b"".join(bytes(packet) for packet in self._codec.encode(None))
