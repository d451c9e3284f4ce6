"""HiFi-GAN piece by piece: every layer keeps the few samples that its next piece needs.

The pieces of a stream, joined, are what `HifiGan.forward` makes of all frames at once, and no
sample is computed twice. The newest samples wait until the frames that they depend on are there
(`HifiGanConfig.reach`).

Inside, sound is [B, C, 1, T], in the layout in which convolutions run fastest (`laid_out`).
"""

from __future__ import annotations

from functools import partial, reduce
from itertools import batched
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from engine.models.generator_layers import Convolution, Mean, Pair, Upsampling, laid_out
from engine.models.hifigan import FINAL_SLOPE, HifiGan, ResBlock, SoundStream


def stream_of(generator: HifiGan, style_embedding: Tensor | None = None) -> SoundStream:
    """A new stream, compiled where the generator's weights are packed; see `HifiGanStream`."""
    return (generator.packed or partial(HifiGanStream, generator))(style_embedding)


class HifiGanStream:
    """One sound on its way through a generator, by plain tensor operations on any device.

    Args:
        generator: its layers, shared between streams and never changed; best with its weight
            norm fused.
        style_embedding: [B, gin, 1], or None.
    """

    def __init__(self, generator: HifiGan, style_embedding: Tensor | None = None) -> None:
        self._first = Convolution(generator.conv_pre)
        blocks = batched(generator.resblocks, len(generator.config.resblock_kernel_sizes))
        self._stages = [
            _Stage(cast(nn.ConvTranspose1d, up), cast(tuple[ResBlock, ...], group))
            for up, group in zip(generator.ups, blocks, strict=True)
        ]
        self._last = Convolution(generator.conv_post)
        self._generator, self._style = generator, style_embedding

    def push(self, z: Tensor, *, last: bool) -> Tensor:
        """Take latents [B, in, T] of the next frames; return the samples that are ready, [B, 1, S].

        `last` ends the stream and gives all that is left.
        """
        x = laid_out(z.to(self._generator.dtype).unsqueeze(2))
        x = self._first.push(x, last)
        if self._style is not None:
            x = x + self._generator.cond(self._style.to(x.dtype)).unsqueeze(2)
        for stage in self._stages:
            x = stage.push(x, last)
        return torch.tanh(self._last.push(F.leaky_relu(x, FINAL_SLOPE), last)).squeeze(2)


class _Stage:
    """An upsampling and the mean of the residual blocks after it; wide blocks lag behind."""

    def __init__(self, up: nn.ConvTranspose1d, blocks: tuple[ResBlock, ...]) -> None:
        self._up = Upsampling(up)
        self._blocks = [
            [Pair(a, b) for a, b in zip(block.convs1, block.convs2, strict=True)]
            for block in blocks
        ]
        self._mean = Mean(len(blocks))

    def push(self, x: Tensor, last: bool) -> Tensor:
        x = self._up.push(x, last)
        sounds = [reduce(lambda y, pair: pair.push(y, last), pairs, x) for pairs in self._blocks]
        return self._mean.push(sounds)
