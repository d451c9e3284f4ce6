"""The discriminators of the acoustic decoder's training.

Reference: Kong, Kim and Bae, "HiFi-GAN", arXiv:2010.05646, section 2.3 (one scale and several
periods).
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from engine.models.weight_norm import NormedConv1d, NormedConv2d

SLOPE = 0.1
Judgement = tuple[Tensor, list[Tensor]]  # scores [B, n], feature maps


class ScaleDiscriminator(nn.Module):
    """Judges the raw waveform; `width` scales its channels (1.0 as released)."""

    def __init__(self, width: float = 1.0) -> None:
        super().__init__()
        c = [max(4, int(n * width)) for n in (16, 64, 256, 1024)]
        g = [n // 4 for n in c]
        self.convs = nn.ModuleList(
            [
                NormedConv1d(1, c[0], 15, padding=7),
                NormedConv1d(c[0], c[1], 41, stride=4, groups=g[0], padding=20),
                NormedConv1d(c[1], c[2], 41, stride=4, groups=g[1], padding=20),
                NormedConv1d(c[2], c[3], 41, stride=4, groups=g[2], padding=20),
                NormedConv1d(c[3], c[3], 41, stride=4, groups=g[3], padding=20),
                NormedConv1d(c[3], c[3], 5, padding=2),
            ]
        )
        self.conv_post = NormedConv1d(c[3], 1, 3, padding=1)

    def forward(self, x: Tensor) -> Judgement:
        """Waveform [B, 1, T] -> scores and feature maps."""
        return _judge(x, self.convs, self.conv_post)


class PeriodDiscriminator(nn.Module):
    """Judges every `period`-th sample, as a picture of that width."""

    def __init__(self, period: int, width: float = 1.0) -> None:
        super().__init__()
        self.period = period
        c = [1, *(max(4, int(n * width)) for n in (32, 128, 512, 1024, 1024))]
        self.convs = nn.ModuleList(
            NormedConv2d(c[i], c[i + 1], (5, 1), stride=(3 if i < 4 else 1, 1), padding=(2, 0))
            for i in range(5)
        )
        self.conv_post = NormedConv2d(c[-1], 1, (3, 1), padding=(1, 0))

    def forward(self, x: Tensor) -> Judgement:
        """Waveform [B, 1, T] -> scores and feature maps."""
        rest = -x.shape[-1] % self.period
        x = F.pad(x, (0, rest), mode="reflect") if rest else x
        return _judge(x.view(*x.shape[:2], -1, self.period), self.convs, self.conv_post)


class Discriminators(nn.Module):
    """One scale discriminator and one per period, under the released keys."""

    def __init__(self, periods: Sequence[int] = (2, 3, 5, 7, 11), width: float = 1.0) -> None:
        super().__init__()
        members: list[nn.Module] = [ScaleDiscriminator(width)]
        members += [PeriodDiscriminator(period, width) for period in periods]
        self.discriminators = nn.ModuleList(members)

    def forward(self, waveform: Tensor) -> list[Judgement]:
        """[B, 1, T] -> one judgement per discriminator."""
        return [judge(waveform) for judge in self.discriminators]


def _judge(x: Tensor, convs: nn.ModuleList, conv_post: nn.Module) -> Judgement:
    features = []
    for conv in convs:
        x = F.leaky_relu(conv(x), SLOPE)
        features.append(x)
    x = conv_post(x)
    features.append(x)
    return torch.flatten(x, 1, -1), features
