"""A HiFi-GAN whose stream is compiled, for a CPU; see `convolution_kernel`.

What lies in memory once is shared by all streams: the packed weights. What a stream has seen lies
in its layers.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from engine.models.convolution_kernel import (
    Sound,
    Taps,
    convolution,
    mean,
    residual_pair,
    upsampling,
)
from engine.models.hifigan import SLOPE, HifiGan, ResBlock
from engine.models.kernel_threads import share
from engine.models.minimal_filtering import FEWEST, at_points, filtering
from engine.models.packed_layers import projection, weights_of, with_biases
from engine.models.panels import padded, panels_of
from engine.models.tile_kernel import LANES
from engine.models.weight_norm import weight_of

BENT = np.float32(SLOPE)


def pack_generator(generator: HifiGan) -> None:
    """Let streams of `generator`, which is on a CPU and trains no more, run compiled."""
    generator.packed = PackedGenerator(generator)


class PackedGenerator:
    """Layers for `HifiGanStream`: sound [1, C, 1, T], channels last, padded to whole panels.

    A piece is best passed on in parts of `block_frames`, which stay in the caches between layers.
    """

    block_frames = 64

    def __init__(self, generator: HifiGan) -> None:
        pairs = [
            convolutions
            for block in cast(list[ResBlock], list(generator.resblocks))
            for convolutions in (*block.convs1, *block.convs2)
        ]
        alone: list[nn.Module] = [generator.conv_pre, generator.conv_post]
        self._convolutions = {conv: taps_of(cast(nn.Conv1d, conv)) for conv in alone}
        self._pairs = {conv: residual_taps(cast(nn.Conv1d, conv)) for conv in pairs}
        ups = cast(list[nn.ConvTranspose1d], list(generator.ups))
        self._upsamplings = {up: _packed_upsampling(up) for up in ups}
        self._bytes = max(taps.weight.nbytes for taps in self._pairs.values())

    def convolution(self, conv: nn.Module) -> PackedConvolution:
        """A convolution that keeps its length."""
        return PackedConvolution(
            self._convolutions[conv], cast(nn.Conv1d, conv).out_channels, self._bytes
        )

    def upsampling(self, up: nn.ConvTranspose1d) -> PackedUpsampling:
        """A transposed convolution of bent samples."""
        return PackedUpsampling(up, *self._upsamplings[up], self._bytes)

    def pair(self, first: nn.Module, second: nn.Module) -> PackedPair:
        """Two convolutions of bent samples and the residual around them."""
        return PackedPair(self._pairs[first], self._pairs[second], self._bytes)

    def mean(self, count: int) -> PackedMean:
        """The mean of the outcomes of several pairs."""
        return PackedMean(self._bytes)


def taps_of(conv: nn.Conv1d) -> Taps:
    """A convolution's weights, packed without points."""
    packed = projection([weights_of(conv)])
    return Taps(*packed, conv.kernel_size[0], conv.dilation[0], 0, 0)


def residual_taps(conv: nn.Conv1d) -> Taps:
    """By way of points where that is faster."""
    width = conv.kernel_size[0]
    if conv.in_channels % LANES or conv.in_channels * width < FEWEST:
        return taps_of(conv)
    (weight, bias), way = weights_of(conv), filtering(width)
    packed, (many, points) = (
        with_biases(panels_of(at_points(weight, way)), [bias]),
        way.outputs.shape,
    )
    return Taps(*packed, width, conv.dilation[0], points, many)


class PackedConvolution:
    """A convolution of one stream."""

    def __init__(self, taps: Taps, outputs: int, work_bytes: int) -> None:
        self._taps, self._outputs, self._bytes = taps, outputs, work_bytes
        self._seen: Sound | None = None

    def push(self, x: Tensor, last: bool) -> Tensor:
        """Take samples; return those whose neighbours are all there."""
        rows, reach = _rows(x), self._taps.reach
        seen = _silence(reach, rows) if self._seen is None else self._seen
        joined = np.concatenate([seen, rows, _silence(reach if last else 0, rows)])
        out = _room(len(joined) - 2 * reach, self._taps.bias.shape[1])
        share(convolution(), self._bytes, self._taps, joined, out)
        self._seen = joined[len(out) :].copy()
        return _sound(out)[:, : self._outputs]


class PackedPair:
    """A residual pair of one stream."""

    def __init__(self, first: Taps, second: Taps, work_bytes: int) -> None:
        self._first, self._second, self._bytes = first, second, work_bytes
        self._state: tuple[Sound, Sound, Sound] | None = None

    def push(self, x: Tensor, last: bool) -> Tensor:
        """See `PackedConvolution`."""
        rows, first, second = _rows(x), self._first.reach, self._second.reach
        if self._state is None:  # raw, bent, between the convolutions
            self._state = _silence(0, rows), _silence(first, rows), _silence(second, rows)
        raw = _behind(self._state[0], len(rows), 0)
        bent = _behind(self._state[1], len(rows), first if last else 0)
        ready = max(0, len(bent) - 2 * first)
        middle = _behind(self._state[2], ready, second if last else 0)
        out = _room(len(middle) - 2 * second, rows.shape[1])
        known = tuple(len(each) for each in self._state)
        taps, places = (self._first, self._second), (raw, bent, middle)
        share(residual_pair(), self._bytes, *taps, BENT, rows, places, known, out)
        n = len(out)
        self._state = raw[n:].copy(), bent[ready:].copy(), middle[n:].copy()
        return _sound(out)


class PackedUpsampling:
    """A transposed convolution of one stream; cuts off what the padding adds."""

    def __init__(
        self, up: nn.ConvTranspose1d, taps: Taps, bias: NDArray[np.float32], work_bytes: int
    ) -> None:
        self._taps, self._bias, self._bytes = taps, bias, work_bytes
        self._stride, self._padding = up.stride[0], int(up.padding[0])
        self._skip = self._padding
        self._tail = np.zeros((up.kernel_size[0] - self._stride, len(bias)), np.float32)

    def push(self, x: Tensor, last: bool) -> Tensor:
        """See `PackedConvolution`."""
        rows = _rows(x)
        spread = _room(len(rows), self._taps.bias.shape[1])
        ready = len(rows) * self._stride
        out = _room(ready + len(self._tail), len(self._bias))
        arguments = self._taps, self._bias, self._stride, BENT, rows, np.empty_like(rows)
        share(upsampling(), self._bytes, *arguments, spread, self._tail, out)
        out, self._tail = out[:ready], out[ready:].copy()
        if last:
            out = np.concatenate([out, self._tail + self._bias])
            out = out[: len(out) - self._padding]
        skipped = min(self._skip, len(out))
        self._skip -= skipped
        return _sound(out[skipped:])


class PackedMean:
    """The mean of sounds of one stream of which some lag behind."""

    def __init__(self, work_bytes: int) -> None:
        self._ahead: list[Sound] = []
        self._bytes = work_bytes

    def push(self, sounds: Sequence[Tensor]) -> Tensor:
        """See `Mean`."""
        fresh = [_rows(sound) for sound in sounds]
        ahead = self._ahead or [_silence(0, rows) for rows in fresh]
        samples = min(len(a) + len(rows) for a, rows in zip(ahead, fresh, strict=True))
        out = _room(samples, fresh[0].shape[1])
        share(mean(), self._bytes, tuple(ahead), tuple(fresh), out)
        self._ahead = [
            np.concatenate([a[samples:], rows[max(0, samples - len(a)) :]])
            for a, rows in zip(ahead, fresh, strict=True)
        ]
        return _sound(out)


def _rows(x: Tensor) -> Sound:
    """[1, C, 1, T] -> [T, C]."""
    return cast(Sound, x[0, :, 0].T.contiguous().numpy())


def _sound(rows: Sound) -> Tensor:
    """[T, C] -> [1, C, 1, T]."""
    return torch.from_numpy(rows).T[None, :, None]


def _silence(samples: int, like: Sound) -> Sound:
    return np.zeros((samples, like.shape[1]), np.float32)


def _room(samples: int, columns: int) -> Sound:
    return np.empty((max(0, samples), columns), np.float32)


def _behind(known: Sound, samples: int, silence: int) -> Sound:
    """Room for as many samples behind the `known`, and silent ones at the end."""
    out = _room(len(known) + samples + silence, known.shape[1])
    out[: len(known)], out[len(known) + samples :] = known, 0
    return out


def _packed_upsampling(up: nn.ConvTranspose1d) -> tuple[Taps, NDArray[np.float32]]:
    """The columns of all taps, and the bias [out] that comes after their sum."""
    weight = weight_of(up).detach().float()  # [in, out, taps]
    inputs, outputs, taps = weight.shape
    bias = np.zeros(padded(outputs), np.float32)
    if up.bias is not None:
        bias[:outputs] = up.bias.detach().numpy()
    columns = F.pad(weight.permute(2, 1, 0), (0, 0, 0, len(bias) - outputs))
    zeros = np.zeros((1, taps * len(bias)), np.float32)
    panels = panels_of([columns.reshape(-1, inputs)])
    return Taps(panels, np.ones_like(zeros), zeros, taps, 1, 0, 0), bias
