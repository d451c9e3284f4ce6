"""HiFi-GAN piece by piece: every layer keeps the few samples that its next piece needs.

The pieces of a stream, joined, are what `HifiGan.forward` makes of all frames at once, and no
sample is computed twice. The newest samples wait until the frames that they depend on are there
(`HifiGanConfig.reach`).

Inside, sound is [B, C, 1, T], in the layout in which convolutions run fastest (`laid_out`). The
layers are of plain tensor operations, or those of the generator's packed weights.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from functools import reduce
from itertools import batched
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from engine.models.generator_layers import PLAIN, Keeper, Layer, Layers, Waiting, laid_out
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

    @property
    def packed(self) -> bool:
        """Whether its layers know one sound at a time."""
        return self._generator.packed is not None

    @property
    def place(self) -> tuple[tuple[int, int], ...]:
        """How much each layer keeps and leaves out: streams of one place can be joined."""
        return tuple(
            (-1 if keeper.kept is None else keeper.kept.shape[-1], keeper.skip)
            for keeper in self._keepers()
        )

    @classmethod
    def joined(cls, streams: Sequence[HifiGanStream]) -> HifiGanStream:
        """A stream of as many sounds as these, which are at one place, have together."""
        styles = [stream._style for stream in streams if stream._style is not None]
        whole = cls(streams[0]._generator, torch.cat(styles) if styles else None)
        for keeper, *parts in zip(whole._keepers(), *(s._keepers() for s in streams), strict=True):
            kept = [part.kept for part in parts if part.kept is not None]
            keeper.kept, keeper.skip = torch.cat(kept) if kept else None, parts[0].skip
        return whole

    def hand_back(self, streams: Sequence[HifiGanStream]) -> None:
        """Give the streams that were joined what is kept now, each its row."""
        for keeper, *parts in zip(self._keepers(), *(s._keepers() for s in streams), strict=True):
            for row, part in enumerate(parts):
                part.skip = keeper.skip
                part.kept = None if keeper.kept is None else keeper.kept[row : row + 1]

    def state(self) -> Tensor:
        """All that is kept, [B, N]."""
        kept = [keeper.kept for keeper in self._keepers()]
        return torch.cat([each.flatten(1) for each in kept if each is not None], dim=1)

    def take_up(self, other: HifiGanStream, state: Tensor) -> None:
        """Go on from a state [1, N] at the place where another stream is."""
        begin = 0
        for keeper, like in zip(self._keepers(), other._keepers(), strict=True):
            keeper.skip, keeper.kept = like.skip, None
            if like.kept is not None:
                shape = like.kept.shape[1:]
                keeper.kept = state[:, begin : begin + shape.numel()].view(1, *shape)
                begin += shape.numel()

    def _keepers(self) -> list[Keeper]:
        layers: list[Layer] = [self._first, *self._stages, self._last]
        return [keeper for layer in layers for keeper in layer.keepers]

    def _push(self, z: Tensor, *, last: bool) -> Tensor:
        x = laid_out(z.to(self._generator.dtype).unsqueeze(2))
        x = self._first.push(x, last)
        if self._style is not None:
            x = x + self._generator.cond(self._style.to(x.dtype)).unsqueeze(2)
        for stage in self._stages:
            x = stage.push(x, last)
        return torch.tanh(self._last.push(F.leaky_relu(x, FINAL_SLOPE), last)).squeeze(2)


def push_together(
    streams: Sequence[HifiGanStream], pieces: Sequence[Tensor], lasts: Sequence[bool]
) -> list[Tensor]:
    """`push` of several streams of one generator, in one pass those that are at one place.

    Pieces [1, in, T] -> sounds [1, 1, S]. If that fails, plain streams are where they were.
    """
    if len(streams) == 1 or streams[0].packed:
        return [s.push(z, last=last) for s, z, last in zip(streams, pieces, lasts, strict=True)]
    groups: dict[object, list[int]] = defaultdict(list)
    for i, stream in enumerate(streams):
        groups[lasts[i], pieces[i].shape[-1], stream.place].append(i)
    sounds: dict[int, Tensor] = {}
    moved = []
    for group in groups.values():
        own = [streams[i] for i in group]
        joined = HifiGanStream.joined(own)
        sound = joined.push(torch.cat([pieces[i] for i in group]), last=lasts[group[0]])
        sounds |= dict(zip(group, sound.split(1), strict=True))
        moved.append((joined, own))
    for joined, own in moved:
        joined.hand_back(own)
    return [sounds[i] for i in range(len(streams))]


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
        self._ahead = [Waiting() for _ in blocks]

    @property
    def keepers(self) -> list[Keeper]:
        pairs = (pair for block in self._blocks for pair in block)
        own = (keeper for layer in (self._up, *pairs) for keeper in layer.keepers)
        return [*own, *self._ahead]

    def push(self, x: Tensor, last: bool) -> Tensor:
        x = self._up.push(x, last)
        ready = []
        for pairs, waiting in zip(self._blocks, self._ahead, strict=True):
            y = x
            for pair in pairs:
                y = pair.push(y, last)
            ready.append(waiting.put(y))
        outputs = [waiting.take(min(ready)) for waiting in self._ahead]
        return reduce(torch.add, outputs).div_(len(outputs))
