"""HiFi-GAN: latents or mel frames to a waveform.

Reference: Kong, Kim and Bae, "HiFi-GAN", arXiv:2010.05646, sections 2.2 and A.1.

Differs from the paper: conditioned on a style embedding where `gin_channels` is given, and the
last leaky ReLU has the default slope 0.01 (checkpoint compatibility).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import ceil, prod
from typing import Protocol

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from engine.models.masks import length_mask
from engine.models.weight_norm import NormedConv1d, NormedConvTranspose1d

SLOPE = 0.1
FINAL_SLOPE = 0.01
ENDS_REACH = 3  # of the first and the last convolution, 7 wide


@dataclass(frozen=True, slots=True)
class HifiGanConfig:
    """Sizes of the generator; `gin_channels` 0 leaves the style out."""

    in_channels: int
    initial_channels: int
    upsample_rates: tuple[int, ...]
    upsample_kernel_sizes: tuple[int, ...]
    resblock_kernel_sizes: tuple[int, ...] = (3, 7, 11)
    resblock_dilations: tuple[tuple[int, ...], ...] = ((1, 3, 5),) * 3
    gin_channels: int = 0
    final_bias: bool = False

    @property
    def hop(self) -> int:
        """Samples per input frame."""
        return prod(self.upsample_rates)

    @property
    def reach(self) -> int:
        """How many input frames on either side a sample depends on, at most."""
        pairs = zip(self.resblock_kernel_sizes, self.resblock_dilations, strict=True)
        block = max(size // 2 * (sum(dilations) + len(dilations)) for size, dilations in pairs)
        return input_reach(self.upsample_rates, self.upsample_kernel_sizes, block)


class ResBlock(nn.Module):
    """Pairs of a dilated and a plain convolution, each pair with a residual."""

    def __init__(self, channels: int, kernel_size: int, dilations: tuple[int, ...]) -> None:
        super().__init__()
        pad = kernel_size // 2
        self.convs1 = nn.ModuleList(
            NormedConv1d(channels, channels, kernel_size, dilation=d, padding=pad * d)
            for d in dilations
        )
        self.convs2 = nn.ModuleList(
            NormedConv1d(channels, channels, kernel_size, padding=pad) for _ in dilations
        )

    def forward(self, x: Tensor, inside: Tensor | None = None) -> Tensor:
        """[B, C, T] -> [B, C, T]; rows are silent where `inside` [B, 1, T] is 0."""
        for conv1, conv2 in zip(self.convs1, self.convs2, strict=True):
            y = _within(conv1(F.leaky_relu(x, SLOPE)), inside)
            x = _within(x + conv2(F.leaky_relu(y, SLOPE)), inside)
        return x


class SoundStream(Protocol):
    """One sound on its way through a generator."""

    def push(self, z: Tensor, *, last: bool) -> Tensor:
        """Take latents [B, in, T] of the next frames; return the samples that are ready, [B, 1, S].

        `last` ends the stream and gives all that is left.
        """
        ...


class HifiGan(nn.Module):
    """The generator: transposed convolutions, each followed by a mean of residual blocks.

    `packed` makes streams, each in a style [B, gin, 1], where its weights are packed.
    """

    def __init__(self, config: HifiGanConfig) -> None:
        super().__init__()
        self.config = config
        c = config.initial_channels
        self.conv_pre = nn.Conv1d(config.in_channels, c, 7, padding=3)
        if config.gin_channels:
            self.cond = nn.Conv1d(config.gin_channels, c, 1)
        self.ups, self.resblocks = nn.ModuleList(), nn.ModuleList()
        for rate, kernel in zip(config.upsample_rates, config.upsample_kernel_sizes, strict=True):
            up = NormedConvTranspose1d(c, c // 2, kernel, stride=rate, padding=(kernel - rate) // 2)
            self.ups.append(up)
            c //= 2
            for size, dilations in zip(
                config.resblock_kernel_sizes, config.resblock_dilations, strict=True
            ):
                self.resblocks.append(ResBlock(c, size, dilations))
        self.conv_post = nn.Conv1d(c, 1, 7, padding=3, bias=config.final_bias)
        self.packed: Callable[[Tensor | None], SoundStream] | None = None

    @property
    def dtype(self) -> torch.dtype:
        """The numbers that it computes in."""
        return self.conv_pre.weight.dtype

    def forward(
        self, z: Tensor, style_embedding: Tensor | None = None, lengths: Tensor | None = None
    ) -> Tensor:
        """[B, in, T], style [B, gin, 1] -> waveform [B, 1, T * hop] in [-1, 1].

        Rows of fewer frames, their `lengths` [B], sound as if they were alone; what is behind them
        means nothing.
        """
        inside = None if lengths is None else length_mask(lengths, z.shape[-1]).to(self.dtype)
        x = self.conv_pre(_within(z.to(self.dtype), inside))
        if style_embedding is not None:
            x = x + self.cond(style_embedding.to(self.dtype))
        x = _within(x, inside)
        n = len(self.config.resblock_kernel_sizes)
        for i, (up, rate) in enumerate(zip(self.ups, self.config.upsample_rates, strict=True)):
            inside = None if inside is None else inside.repeat_interleave(rate, dim=-1)
            x = _within(up(F.leaky_relu(x, SLOPE)), inside)
            blocks = [block(x, inside) for block in self.resblocks[n * i : n * (i + 1)]]
            x = sum(blocks[1:], blocks[0]) / n
        return torch.tanh(self.conv_post(F.leaky_relu(x, FINAL_SLOPE)))


def _within(x: Tensor, inside: Tensor | None) -> Tensor:
    return x if inside is None else x * inside


def input_reach(rates: Sequence[int], kernels: Sequence[int], block: int, end: int = 0) -> int:
    """Input frames on either side that a sample depends on, of a stack of upsamplings.

    Args:
        rates, kernels: of the upsamplings, the first one first.
        block: samples on either side that the residual blocks after each of them read.
        end: samples on either side that is read before the last convolution.
    """
    reach = ENDS_REACH + end
    for rate, kernel in zip(reversed(rates), reversed(kernels), strict=True):
        after = kernel - 1 - (kernel - rate) // 2  # the taps behind a sample; fewer lie ahead
        reach = ceil((reach + block + after) / rate)
    return reach + ENDS_REACH
