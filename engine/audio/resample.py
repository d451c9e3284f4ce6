"""Change of sample rate: two kinds, because the models were trained behind two kinds."""

from __future__ import annotations

import math
from typing import cast

import numpy as np
import soxr
from torch import Tensor
from torchaudio.transforms import Resample

from engine.types import Audio


def resample(wave: Tensor, from_hz: int, to_hz: int) -> Tensor:
    """Return `wave` [..., T] at `to_hz`, by a Hann-windowed sinc of 6 zero crossings.

    The acoustic models and the speaker encoder read audio that went through this filter. The
    transform computes its filter in float64 where torchaudio's function of the same name uses
    the wave's own type and is off by 2e-5.
    """
    return cast(Tensor, Resample(from_hz, to_hz).to(wave.device)(wave))


def resample_high_quality(audio: Audio, to_hz: int) -> Audio:
    """Return `audio` at `to_hz`, ceil(T * ratio) samples, by soxr's HQ recipe.

    The content encoder reads audio that went through this filter.
    """
    if audio.sample_rate_hz == to_hz:
        return audio
    length = math.ceil(len(audio.samples) * to_hz / audio.sample_rate_hz)
    samples = soxr.resample(audio.samples, audio.sample_rate_hz, to_hz, quality="HQ")[:length]
    padded = np.pad(samples, (0, length - len(samples)))
    return Audio(padded.astype(np.float32, copy=False), to_hz)
