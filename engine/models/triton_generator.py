"""A HiFi-GAN over many excerpts of sound at a time, for GPUs.

Reference: as `hifigan`. A pair of convolutions is two of Triton's kernels, an upsampling one
product and the sum of what overlaps. The mean of the residual blocks is left to the weights behind
it: they are divided by the number of blocks, for a leaky ReLU keeps a scale.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import batched
from typing import NamedTuple, cast

import torch
import triton
from torch import Tensor, nn
from torch.nn import functional as F

from engine.models.hifigan import FINAL_SLOPE, SLOPE, HifiGan, ResBlock
from engine.models.triton_convolution import convolve
from engine.models.weight_norm import weight_of

STRAIGHT = 1.0  # the slope of what is not bent
STAGES = {2: 3, 4: 2}  # rounds that are read ahead, by the size of a number: 96 KB are shared


@dataclass(frozen=True, slots=True)
class Tile:
    """What one program of a convolution makes: samples times channels, in rounds of inputs."""

    samples: int
    channels: int
    inputs: int
    warps: int


WIDE, MIDDLE = Tile(64, 64, 64, 4), Tile(128, 64, 64, 4)
NARROWEST = 16  # what a product of tiles takes at least


class _Convolution(NamedTuple):
    """Weights [taps, in, out], the bias [out], and how far taps lie apart."""

    weight: Tensor
    bias: Tensor
    dilation: int


class _Upsampling(NamedTuple):
    """Weights [in, rounds * stride * out]: of each input sample for so many outputs; bias [out]."""

    weight: Tensor
    bias: Tensor
    stride: int
    rounds: int
    padding: int


class _Stage(NamedTuple):
    upsampling: _Upsampling
    blocks: tuple[tuple[tuple[_Convolution, _Convolution], ...], ...]


class TritonGenerator:
    """Does what `HifiGan.forward` does of rows that have lengths, for weights that stay."""

    def __init__(self, generator: HifiGan) -> None:
        n = len(generator.config.resblock_kernel_sizes)
        groups = batched(cast(list[ResBlock], list(generator.resblocks)), n)
        self._generator = generator
        self._first = _packed(generator.conv_pre)
        self._stages = [
            _Stage(
                _packed_upsampling(cast(nn.ConvTranspose1d, up), n if i else 1),
                tuple(tuple(map(_pair, block.convs1, block.convs2)) for block in group),
            )
            for i, (up, group) in enumerate(zip(generator.ups, groups, strict=True))
        ]
        self._last = _packed(generator.conv_post, n)

    def __call__(self, z: Tensor, style_embedding: Tensor | None, lengths: Tensor) -> Tensor:
        """[B, in, T], style [B, gin, 1], frames [B] -> [B, 1, T * hop], silent behind a row's end.

        Rows of no frames are allowed.
        """
        generator, bias = self._generator, self._first.bias
        if style_embedding is not None:
            bias = bias + generator.cond(style_embedding.to(generator.dtype))[..., 0]
        with torch.cuda.device_of(z):  # Triton starts kernels on the current one
            x = z.to(generator.dtype).mT.contiguous()
            x = _convolved(x, self._first._replace(bias=bias), lengths, 1, STRAIGHT)
            per_frame = 1
            for stage in self._stages:
                per_frame *= stage.upsampling.stride
                x = _spread(x, stage.upsampling)
                x = _blocks(x, stage, lengths, per_frame)
            x = _convolved(x, self._last, lengths, per_frame, FINAL_SLOPE)
        return torch.tanh(x).mT


def _blocks(x: Tensor, stage: _Stage, lengths: Tensor, per_frame: int) -> Tensor:
    """The sum of the residual blocks."""
    total: Tensor | None = None
    for block in stage.blocks:
        y = x
        for i, (first, second) in enumerate(block):
            middle = _convolved(y, first, lengths, per_frame, SLOPE)
            others = total if i == len(block) - 1 else None
            y = _convolved(middle, second, lengths, per_frame, SLOPE, y, others)
        total = y
    return cast(Tensor, total)


def _convolved(
    x: Tensor,
    convolution: _Convolution,
    lengths: Tensor,
    per_frame: int,
    slope: float,
    residual: Tensor | None = None,
    others: Tensor | None = None,
) -> Tensor:
    """[B, T, in] -> [B, T, out], plus what there is to add."""
    weight, bias, dilation = convolution
    rows, samples, inputs = x.shape
    taps, _, outputs = weight.shape
    out = x.new_empty(rows, samples, outputs)
    tile = _tile(inputs, outputs)
    grid = triton.cdiv(samples, tile.samples), triton.cdiv(outputs, tile.channels), rows
    convolve[grid](
        *(x, weight, bias, residual, others, out, lengths),
        *(samples, per_frame, taps, dilation, bias.stride(0) if bias.dim() > 1 else 0, slope),
        IN=inputs,
        OUT=outputs,
        BLOCK_T=tile.samples,
        BLOCK_IN=tile.inputs,
        BLOCK_OUT=tile.channels,
        num_warps=tile.warps,
        num_stages=STAGES[x.element_size()],
    )
    return out


def _tile(inputs: int, outputs: int) -> Tile:
    if inputs >= 128:
        return WIDE
    if inputs > 32:
        return MIDDLE
    channels, read = (max(NARROWEST, triton.next_power_of_2(n)) for n in (outputs, inputs))
    return Tile(256, channels, read, 4)


def _spread(x: Tensor, up: _Upsampling) -> Tensor:
    """Bend, then [B, T, in] -> [B, T * stride, out]."""
    rows, samples, _ = x.shape
    parts = (F.leaky_relu(x, SLOPE) @ up.weight).view(rows, samples, up.rounds, up.stride, -1)
    if up.rounds == 1:
        whole = parts[:, :, 0]
    else:
        whole = F.pad(parts[:, :, 0], (0, 0, 0, 0, 0, up.rounds - 1))
        for later in range(1, up.rounds):
            whole[:, later : later + samples] += parts[:, :, later]
    sound = whole.flatten(1, 2)[:, up.padding : up.padding + samples * up.stride]
    return sound + up.bias


def _pair(first: nn.Module, second: nn.Module) -> tuple[_Convolution, _Convolution]:
    return _packed(first), _packed(second)


def _packed(conv: nn.Module, divisor: int = 1) -> _Convolution:
    """The weights are divided, the bias is not."""
    plain = cast(nn.Conv1d, conv)
    weight = weight_of(plain).detach()  # [out, in, taps]
    bias = weight.new_zeros(len(weight)) if plain.bias is None else plain.bias.detach()
    return _Convolution((weight / divisor).permute(2, 1, 0).contiguous(), bias, plain.dilation[0])


def _packed_upsampling(up: nn.ConvTranspose1d, divisor: int) -> _Upsampling:
    weight = weight_of(up).detach() / divisor  # [in, out, taps]
    bias = weight.new_zeros(weight.shape[1]) if up.bias is None else up.bias.detach()
    stride, taps = up.stride[0], weight.shape[2]
    rounds = triton.cdiv(taps, stride)
    weight = F.pad(weight, (0, rounds * stride - taps)).permute(0, 2, 1)
    return _Upsampling(
        weight.flatten(1).contiguous(), bias, stride, rounds, int(cast(int, up.padding[0]))
    )
