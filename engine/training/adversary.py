"""The generator's judges: discriminators and spectral distances at several resolutions.

References: Kong, Kim and Bae, "HiFi-GAN", arXiv:2010.05646, section 2.4; the several resolutions
follow Kumar et al., "High-Fidelity Audio Compression with Improved RVQGAN", arXiv:2306.06546,
section 3.4.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from engine.audio.spectrogram import MelConfig, MelSpectrogram
from engine.models.discriminators import Discriminators
from engine.training.losses import adversarial_loss, discriminator_loss, feature_loss


class Adversary(nn.Module):
    """Discriminators with their own optimizer; `losses` trains them and judges the generator."""

    def __init__(self, width: float, learning_rate: float) -> None:
        super().__init__()
        self.discriminators = Discriminators(width=width)
        self.optimizer = torch.optim.AdamW(
            self.discriminators.parameters(), learning_rate, betas=(0.8, 0.99), eps=1e-9, fused=True
        )

    def losses(self, real: Tensor, fake: Tensor) -> dict[str, Tensor]:
        """Waveforms [B, 1, T] -> losses: `adversarial` and `features` are the generator's."""
        judge = self.discriminators
        loss = discriminator_loss(judge(real), judge(fake.detach()))
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        judge.requires_grad_(False)
        judged = judge(fake)
        with torch.no_grad():
            truth = judge(real)
        judge.requires_grad_(True)
        return {
            "adversarial": adversarial_loss(judged),
            "features": feature_loss(truth, judged),
            "discriminator": loss.detach(),
        }


class MelDistance(nn.Module):
    """L1 between log-mels, averaged over resolutions (transform length, mels); hop is a quarter."""

    def __init__(
        self, sample_rate_hz: int, resolutions: Sequence[tuple[int, int]] = ((1024, 80),)
    ) -> None:
        super().__init__()
        self.mels = nn.ModuleList(
            MelSpectrogram(MelConfig(sample_rate_hz, n_fft, n_fft // 4, n_fft, mels))
            for n_fft, mels in resolutions
        )

    def forward(self, real: Tensor, fake: Tensor) -> Tensor:
        """Waveforms [B, 1, T] -> scalar."""
        return torch.stack(
            [(mel(real[:, 0]) - mel(fake[:, 0])).abs().mean() for mel in self.mels]
        ).mean()
