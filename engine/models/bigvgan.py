"""The vocoder of v3: mel frames at 24 kHz to a waveform.

Reference: Lee et al., "BigVGAN: A Universal Neural Vocoder with Large-Scale Training",
arXiv 2206.04658. Sizes are those of `nvidia/bigvgan_v2_24khz_100band_256x`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from engine.models.hifigan import input_reach
from engine.models.weight_norm import NormedConv1d, NormedConvTranspose1d

RATIO = 2  # of the rate inside activations to the rate outside
TAPS = 12
ACTIVATION_REACH = 5  # samples on either side that the filters of an activation read


@dataclass(frozen=True, slots=True)
class BigVganConfig:
    """Sizes of the vocoder."""

    mels: int = 100
    initial_channels: int = 1536
    upsample_rates: tuple[int, ...] = (4, 4, 2, 2, 2, 2)
    upsample_kernel_sizes: tuple[int, ...] = (8, 8, 4, 4, 4, 4)
    resblock_kernel_sizes: tuple[int, ...] = (3, 7, 11)
    resblock_dilations: tuple[int, ...] = (1, 3, 5)

    @property
    def hop(self) -> int:
        """Samples per input frame."""
        return math.prod(self.upsample_rates)

    @property
    def reach(self) -> int:
        """How many input frames on either side a sample depends on, at most."""
        pairs, dilations = len(self.resblock_dilations), sum(self.resblock_dilations)
        block = max(self.resblock_kernel_sizes) // 2 * (dilations + pairs)
        block += 2 * pairs * ACTIVATION_REACH
        return input_reach(self.upsample_rates, self.upsample_kernel_sizes, block, ACTIVATION_REACH)


class SnakeBeta(nn.Module):
    """x + sin(a x)^2 / b per channel, a and b stored as logarithms."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.alpha = nn.Parameter(torch.zeros(channels))
        self.beta = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        """Return [B, C, T] of `x` [B, C, T]."""
        alpha, beta = self.alpha.exp()[:, None], self.beta.exp()[:, None]
        return x + torch.sin(x * alpha).square() / (beta + 1e-9)


class Filter(nn.Module):
    """A windowed sinc, one for all channels; `filter` is part of released checkpoints."""

    filter: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("filter", kaiser_sinc(0.5 / RATIO, 0.6 / RATIO, TAPS))

    def per_channel(self, channels: int) -> Tensor:
        """Return the filter [C, 1, taps]."""
        return self.filter.expand(channels, -1, -1)


class Upsample(Filter):
    """Twice the rate."""

    def forward(self, x: Tensor) -> Tensor:
        """Return [B, C, 2 T] of `x` [B, C, T]."""
        pad = TAPS // RATIO - 1
        cut = pad * RATIO + (TAPS - RATIO) // 2
        kernel = self.per_channel(x.shape[1])
        padded = F.pad(x, (pad, pad), mode="replicate")
        y = F.conv_transpose1d(padded, kernel, stride=RATIO, groups=x.shape[1])
        return RATIO * y[..., cut:-cut]


class LowPass(Filter):
    """Half the rate, without aliases."""

    def forward(self, x: Tensor) -> Tensor:
        """Return [B, C, T / 2] of `x` [B, C, T]."""
        padded = F.pad(x, (TAPS // 2 - 1, TAPS // 2), mode="replicate")
        return F.conv1d(padded, self.per_channel(x.shape[1]), stride=RATIO, groups=x.shape[1])


class Downsample(nn.Module):
    """Keeps the low-pass under the name that checkpoints give it."""

    def __init__(self) -> None:
        super().__init__()
        self.lowpass = LowPass()

    def forward(self, x: Tensor) -> Tensor:
        """Return [B, C, T / 2] of `x` [B, C, T]."""
        return cast(Tensor, self.lowpass(x))


class Activation(nn.Module):
    """`SnakeBeta` at twice the rate, so that its harmonics do not fold back."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.act = SnakeBeta(channels)
        self.upsample = Upsample()
        self.downsample = Downsample()

    def forward(self, x: Tensor) -> Tensor:
        """Return [B, C, T] of `x` [B, C, T]."""
        return cast(Tensor, self.downsample(self.act(self.upsample(x))))


class AmpBlock(nn.Module):
    """Dilated convolutions between periodic activations, with residuals."""

    def __init__(self, channels: int, kernel: int, dilations: tuple[int, ...]) -> None:
        super().__init__()
        self.convs1 = nn.ModuleList(
            NormedConv1d(channels, channels, kernel, padding=kernel // 2 * d, dilation=d)
            for d in dilations
        )
        self.convs2 = nn.ModuleList(
            NormedConv1d(channels, channels, kernel, padding=kernel // 2) for _ in dilations
        )
        self.activations = nn.ModuleList(Activation(channels) for _ in range(2 * len(dilations)))

    def forward(self, x: Tensor) -> Tensor:
        """Return [B, C, T] of `x` [B, C, T]."""
        before, between = self.activations[0::2], self.activations[1::2]
        for conv1, conv2, first, second in zip(
            self.convs1, self.convs2, before, between, strict=True
        ):
            x = x + conv2(second(conv1(first(x))))
        return x


class BigVgan(nn.Module):
    """Mel frames [B, mels, T] to a waveform of 256 samples each."""

    def __init__(self, config: BigVganConfig) -> None:
        super().__init__()
        channels = config.initial_channels
        self.kernels = len(config.resblock_kernel_sizes)
        self.conv_pre = NormedConv1d(config.mels, channels, 7, padding=3)
        self.ups, self.resblocks = nn.ModuleList(), nn.ModuleList()
        for rate, kernel in zip(config.upsample_rates, config.upsample_kernel_sizes, strict=True):
            up = NormedConvTranspose1d(
                channels, channels // 2, kernel, stride=rate, padding=(kernel - rate) // 2
            )
            channels //= 2
            self.ups.append(nn.ModuleList([up]))
            self.resblocks.extend(
                AmpBlock(channels, size, config.resblock_dilations)
                for size in config.resblock_kernel_sizes
            )
        self.activation_post = Activation(channels)
        self.conv_post = NormedConv1d(channels, 1, 7, padding=3, bias=False)

    def forward(self, mel: Tensor) -> Tensor:
        """Return waveforms [B, 1, T * hop] in [-1, 1] of natural-log mels [B, mels, T]."""
        x = self.conv_pre(mel)
        for i, up in enumerate(self.ups):
            x = cast(nn.ModuleList, up)[0](x)
            blocks = self.resblocks[i * self.kernels : (i + 1) * self.kernels]
            x = torch.stack([block(x) for block in blocks]).mean(0)
        x = self.conv_post(self.activation_post(x))
        return cast(Tensor, x).clamp(-1.0, 1.0)


def kaiser_sinc(cutoff: float, half_width: float, taps: int) -> Tensor:
    """Return a low-pass filter [1, 1, taps] of unit sum, `taps` even.

    `cutoff` and `half_width` of the transition are in cycles per sample; Kaiser's formulas give
    the window's shape for the attenuation that the taps reach.
    """
    attenuation = 2.285 * (taps // 2 - 1) * math.pi * 4 * half_width + 7.95
    beta = 0.0
    if attenuation > 50.0:
        beta = 0.1102 * (attenuation - 8.7)
    elif attenuation >= 21.0:
        beta = 0.5842 * (attenuation - 21) ** 0.4 + 0.07886 * (attenuation - 21)
    window = torch.kaiser_window(taps, periodic=False, beta=beta)
    time = torch.arange(-(taps // 2), taps // 2) + 0.5
    response = 2 * cutoff * window * torch.sinc(2 * cutoff * time)
    return (response / response.sum()).view(1, 1, taps)
