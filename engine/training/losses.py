"""Losses of both training stages.

References: Mao et al., "Least Squares GAN", arXiv:1611.04076; Kong, Kim and Bae, "HiFi-GAN",
arXiv:2010.05646, section 2.4; Kim, Kong and Son, "VITS", arXiv:2106.06103, equation 4.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from engine.models.discriminators import Judgement

FEATURE_WEIGHT = 2.0


def discriminator_loss(real: Sequence[Judgement], fake: Sequence[Judgement]) -> Tensor:
    """Real scores towards 1, fake ones towards 0."""
    losses = [
        (1 - r).pow(2).mean() + f.pow(2).mean() for (r, _), (f, _) in zip(real, fake, strict=True)
    ]
    return torch.stack(losses).sum()


def adversarial_loss(fake: Sequence[Judgement]) -> Tensor:
    """Fake scores towards 1."""
    return torch.stack([(1 - f).pow(2).mean() for f, _ in fake]).sum()


def feature_loss(real: Sequence[Judgement], fake: Sequence[Judgement]) -> Tensor:
    """L1 between the discriminators' feature maps of real and fake speech."""
    losses = [
        (r.detach() - f).abs().mean()
        for (_, maps_r), (_, maps_f) in zip(real, fake, strict=True)
        for r, f in zip(maps_r, maps_f, strict=True)
    ]
    return torch.stack(losses).sum() * FEATURE_WEIGHT


def kl_loss(
    z_p: Tensor, posterior_log_std: Tensor, mean: Tensor, log_std: Tensor, mask: Tensor
) -> Tensor:
    """Divergence of the posterior (its sample `z_p` after the flow) from the prior, per frame."""
    kl = log_std - posterior_log_std - 0.5
    kl = kl + 0.5 * (z_p - mean).pow(2) * torch.exp(-2.0 * log_std)
    return (kl * mask).sum() / mask.sum()


def token_losses(logits: Tensor, targets: Tensor) -> Tensor:
    """Cross entropy of logits [B, T, V] to targets [B, T], each token's own, [B, T]."""
    return F.cross_entropy(logits.mT, targets, reduction="none")
