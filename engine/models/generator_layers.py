"""The layers of a HiFi-GAN that runs piece by piece, of plain tensor operations, for any device.

What a layer keeps is a copy: a view would hold all that it was computed with.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from engine.models.hifigan import SLOPE
from engine.models.weight_norm import weight_of


class Convolution:
    """A convolution of odd width that keeps its length; knows the samples before the next piece."""

    def __init__(self, conv: nn.Module) -> None:
        self._kept: Tensor | None = None
        self._conv = cast(nn.Conv1d, conv)
        self._weight = weight_of(self._conv).unsqueeze(2)
        self._pad = int(self._conv.padding[0])

    def push(self, x: Tensor, last: bool) -> Tensor:
        seen = _silence(x, self._pad) if self._kept is None else self._kept
        x = torch.cat([seen, F.pad(x, (0, self._pad)) if last else x], dim=-1)
        ready = max(0, x.shape[-1] - 2 * self._pad)  # samples whose neighbours are all there
        self._kept = laid_out(x[..., ready:], copy=True)
        if not ready:
            return x.new_zeros(x.shape[0], self._conv.out_channels, 1, 0)
        dilation = (1, self._conv.dilation[0])
        return F.conv2d(x, self._weight, self._conv.bias, dilation=dilation)


def laid_out(x: Tensor, *, copy: bool = False) -> Tensor:
    """Samples [B, C, 1, T] as convolutions run fastest: on a CPU channels last, on a GPU first."""
    layout = torch.channels_last if x.device.type == "cpu" else torch.contiguous_format
    return x.clone(memory_format=layout) if copy else x.contiguous(memory_format=layout)


def _silence(like: Tensor, samples: int) -> Tensor:
    """Zeros [B, C, 1, samples]; joined to others they must not change the layout."""
    return laid_out(like.new_zeros(*like.shape[:-1], samples))


class Upsampling:
    """A transposed convolution of bent samples; adds what overlaps from the piece before."""

    def __init__(self, conv: nn.ConvTranspose1d) -> None:
        self._kept: Tensor | None = None
        self._conv = conv
        self._weight = weight_of(conv).unsqueeze(2)
        self._skip = int(conv.padding[0])  # samples that the padding cuts off the beginning

    def push(self, x: Tensor, last: bool) -> Tensor:
        stride, width = self._conv.stride[0], self._conv.kernel_size[0]
        x, tail = F.leaky_relu(x, SLOPE), self._kept
        if tail is None:
            tail = x.new_zeros(x.shape[0], self._conv.out_channels, 1, width - stride)
        if x.shape[-1]:
            spread = F.conv_transpose2d(x, self._weight, stride=(1, stride))
            spread = laid_out(spread)
            spread[..., : width - stride] += tail
        else:
            spread = tail
        ready = x.shape[-1] * stride
        self._kept = laid_out(spread[..., ready:], copy=True)
        out = spread[..., : spread.shape[-1] - int(self._conv.padding[0]) if last else ready]
        skipped = min(self._skip, out.shape[-1])
        self._skip -= skipped
        out = out[..., skipped:]
        return out if self._conv.bias is None else out.add_(self._conv.bias[:, None, None])


class _Waiting:
    """Samples that wait for others to catch up."""

    def __init__(self) -> None:
        self._kept: Tensor | None = None

    def put(self, x: Tensor) -> int:
        """Add samples; returns how many are held."""
        self._kept = x if self._kept is None else torch.cat([self._kept, x], dim=-1)
        return self._kept.shape[-1]

    def take(self, samples: int) -> Tensor:
        """Remove and return the oldest."""
        held = cast(Tensor, self._kept)
        self._kept = laid_out(held[..., samples:], copy=True)
        return held[..., :samples]


class Pair:
    """A pair of convolutions and the residual that waits for them."""

    def __init__(self, first: nn.Module, second: nn.Module) -> None:
        self._first, self._second = Convolution(first), Convolution(second)
        self._residual = _Waiting()

    def push(self, x: Tensor, last: bool) -> Tensor:
        self._residual.put(x)
        y = self._first.push(F.leaky_relu(x, SLOPE), last)
        y = self._second.push(F.leaky_relu_(y, SLOPE), last)
        return y.add_(self._residual.take(y.shape[-1]))


class Mean:
    """The mean of sounds that wait for each other."""

    def __init__(self, count: int) -> None:
        self._waiting = [_Waiting() for _ in range(count)]

    def push(self, sounds: Sequence[Tensor]) -> Tensor:
        held = zip(self._waiting, sounds, strict=True)
        ready = min(waiting.put(sound) for waiting, sound in held)
        outputs = [waiting.take(ready) for waiting in self._waiting]
        return reduce(torch.add, outputs).div_(len(outputs))
