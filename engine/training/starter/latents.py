"""Latents that need no learning: the normalized log-mel spectrogram.

A VAE that finds its own latents needs far more steps than a small bundle is trained for. With
log-mels in their place, vocoder and prior have a fixed target each and can be trained apart.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from engine.audio.spectrogram import MelConfig, MelSpectrogram
from engine.models.vits_decoder import VitsConfig

SPREAD = 0.1  # deviation of the posterior around the log-mel


class MelPosterior(nn.Module):
    """Stands in for a PosteriorEncoder: mean is the normalized log-mel, deviation is fixed."""

    mean: Tensor
    scale: Tensor

    def __init__(self, config: VitsConfig) -> None:
        super().__init__()
        n_fft = config.filter_length
        mels = config.inter_channels
        self.mel = MelSpectrogram(
            MelConfig(config.sample_rate_hz, n_fft, config.hop_length, n_fft, mels)
        )
        self.register_buffer("mean", torch.zeros(mels, 1))
        self.register_buffer("scale", torch.ones(mels, 1))

    def fit(self, waveforms: Sequence[Tensor]) -> None:
        """Take mean and deviation of every band over `waveforms`, each [T]."""
        mels = torch.cat([self.mel(wave[None])[0] for wave in waveforms], dim=1)
        self.mean.copy_(mels.mean(1, keepdim=True))
        self.scale.copy_(mels.std(1, keepdim=True))

    def forward(self, spectrogram: Tensor, mask: Tensor, style: Tensor) -> tuple[Tensor, Tensor]:
        """[B, bins, T], [B, 1, T], ignored style -> mean and log_std, each [B, C, T]."""
        mean = (self.mel.from_magnitude(spectrogram) - self.mean) / self.scale * mask
        return mean, torch.full_like(mean, math.log(SPREAD))


def fitted_posterior(
    config: VitsConfig, audio: np.ndarray[tuple[int], np.dtype[np.int16]], seconds: int = 600
) -> MelPosterior:
    """A posterior fitted to `seconds` of `audio`, taken evenly from all of it."""
    posterior = MelPosterior(config)
    length = config.sample_rate_hz * 10
    starts = np.linspace(0, len(audio) - length, seconds // 10).astype(int)
    posterior.fit(
        [torch.from_numpy(audio[s : s + length].astype(np.float32) / 32768) for s in starts]
    )
    return posterior
