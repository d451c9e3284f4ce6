"""Kaldi filter-bank features, the input of the speaker encoder."""

from __future__ import annotations

from typing import cast

from torch import Tensor
from torchaudio.compliance.kaldi import fbank

SAMPLE_RATE_HZ = 16000
BINS = 80


def kaldi_fbank(wave: Tensor) -> Tensor:
    """Return log filter-bank energies [F, 80], 100 frames a second, of `wave` [T] at 16 kHz.

    Windows of 25 ms (povey, pre-emphasis 0.97, no dither), incomplete ones left out. Samples
    are in [-1, 1], not scaled to 16-bit integers, and no mean is subtracted: so the speaker
    encoder was trained.
    """
    features = fbank(
        wave.unsqueeze(0), num_mel_bins=BINS, sample_frequency=SAMPLE_RATE_HZ, dither=0.0
    )
    return cast(Tensor, features)
