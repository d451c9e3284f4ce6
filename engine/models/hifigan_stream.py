"""HiFi-GAN piece by piece: every layer keeps the few samples that its next piece needs.

The pieces of a stream, joined, are what `HifiGan.forward` makes of all frames at once, and no
sample is computed twice. The newest samples wait until the frames that they depend on are there
(`HifiGanConfig.reach`).

Inside, sound is [B, C, 1, T], in the layout in which convolutions run fastest (`laid_out`). The
layers are of plain tensor operations, or those of the generator's packed weights.
"""

from __future__ import annotations

from functools import reduce
from itertools import batched
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from engine.models.generator_layers import PLAIN, Layers, laid_out
from engine.models.hifigan import FINAL_SLOPE, HifiGan, ResBlock


class HifiGanStream:
    """One sound on its way through a generator.

    Args:
        generator: its layers, shared between streams and never changed; best with its weight
            norm fused.
        style_embedding: [B, gin, 1], or None.
    """

    def __init__(self, generator: HifiGan, style_embedding: Tensor | None = None) -> None:
        layers = generator.packed or PLAIN
        self._first = layers.convolution(generator.conv_pre)
        blocks = batched(generator.resblocks, len(generator.config.resblock_kernel_sizes))
        self._stages = [
            _Stage(layers, cast(nn.ConvTranspose1d, up), cast(tuple[ResBlock, ...], group))
            for up, group in zip(generator.ups, blocks, strict=True)
        ]
        self._last = layers.convolution(generator.conv_post)
        self._generator, self._style = generator, style_embedding
        self._block_frames = layers.block_frames

    def push(self, z: Tensor, *, last: bool) -> Tensor:
        """Take latents [B, in, T] of the next frames; return the samples that are ready, [B, 1, S].

        `last` ends the stream and gives all that is left.
        """
        blocks = z.split(self._block_frames or max(1, z.shape[-1]), dim=-1)
        sounds = [self._push(block, last=False) for block in blocks[:-1]]
        return torch.cat([*sounds, self._push(blocks[-1], last=last)], dim=-1)

    def _push(self, z: Tensor, *, last: bool) -> Tensor:
        x = laid_out(z.to(self._generator.dtype).unsqueeze(2))
        x = self._first.push(x, last)
        if self._style is not None:
            x = x + self._generator.cond(self._style.to(x.dtype)).unsqueeze(2)
        for stage in self._stages:
            x = stage.push(x, last)
        return torch.tanh(self._last.push(F.leaky_relu(x, FINAL_SLOPE), last)).squeeze(2)


class _Stage:
    """An upsampling and the mean of the residual blocks after it; wide blocks lag behind."""

    def __init__(
        self, layers: Layers, up: nn.ConvTranspose1d, blocks: tuple[ResBlock, ...]
    ) -> None:
        self._up = layers.upsampling(up)
        self._blocks = [
            [layers.pair(a, b) for a, b in zip(block.convs1, block.convs2, strict=True)]
            for block in blocks
        ]
        self._mean = layers.mean(len(blocks))

    def push(self, x: Tensor, last: bool) -> Tensor:
        x = self._up.push(x, last)
        sounds = [reduce(lambda y, pair: pair.push(y, last), pairs, x) for pairs in self._blocks]
        return self._mean.push(sounds)
