"""Streaming change of the sample rate."""

from __future__ import annotations

import av
import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float32]


class StreamResampler:
    """Resamples mono float32 sound chunk by chunk; equal rates pass through."""

    def __init__(self, from_hz: int, to_hz: int) -> None:
        self._from_hz = from_hz
        self._resampler: av.AudioResampler | None = None
        if from_hz != to_hz:
            self._resampler = av.AudioResampler(format="flt", layout="mono", rate=to_hz)

    def feed(self, samples: Samples) -> Samples:
        """Return what can be given out after `samples` [T]."""
        if self._resampler is None or not len(samples):
            return samples
        block = np.ascontiguousarray(samples, dtype=np.float32)[None]
        frame = av.AudioFrame.from_ndarray(block, format="flt", layout="mono")
        frame.sample_rate = self._from_hz
        return _joined(self._resampler.resample(frame))

    def finish(self) -> Samples:
        """Return what is left."""
        if self._resampler is None:
            return np.zeros(0, np.float32)
        return _joined(self._resampler.resample(None))


def _joined(frames: list[av.AudioFrame]) -> Samples:
    arrays = [frame.to_ndarray().reshape(-1) for frame in frames]
    return np.concatenate(arrays).astype(np.float32) if arrays else np.zeros(0, np.float32)
