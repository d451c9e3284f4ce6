"""Convolutions of sound with channels last, [T, C] float32, as compiled code for the CPU.

A convolution is a product of samples with panels of the weight, in the tiles that a linear layer
takes, too (`tile_kernel`): one for each tap, or, of several neighbouring outputs at once, one for
each of fewer points (`minimal_filtering`). What lies between two convolutions, the bend below zero
and the residual, is done where the samples are in registers or about to be read.

Several threads can do a convolution together (`kernel_threads`): each part has rows or columns of
its own.
"""

from __future__ import annotations

from typing import NamedTuple

from engine.models.combination_kernel import ABREAST, combination
from engine.models.kernel_parts import ONE, ZERO, Numbers, inlined, inner, lines
from engine.models.minimal_filtering import filtering
from engine.models.panels import multiply_panels, multiply_part, share_of_product
from engine.models.tile_kernel import FULL_ROWS, LANES

SAMPLES_8, OUTPUTS_8 = (combination(matrix) for matrix in filtering(3)[::2])
SAMPLES_11, OUTPUTS_11 = (combination(matrix) for matrix in filtering(11)[::2])
OUTPUTS_11_5 = combination(filtering(7).outputs)
TOGETHER = 8  # tiles between samples and outputs: what of them stays in the caches


class Taps(NamedTuple):
    """A convolution.

    Attributes:
        weight: panels [points, panels, blocks * in, LANES]; without points, [1, panels, taps * in,
            LANES].
        scale, bias: as in `Projection`.
        taps, dilation: its width, and how far taps are apart.
        points, outputs: how many outputs a group has, and by way of how many points; 0 without.
    """

    weight: Numbers
    scale: Numbers
    bias: Numbers
    taps: int
    dilation: int
    points: int
    outputs: int

    @property
    def reach(self) -> int:
        """How far it looks to each side, in samples."""
        return self.taps // 2 * self.dilation


@inner
def convolve(conv, x, out, base, slope, part, parts):  # type: ignore[no-untyped-def]
    """A part of a convolution of `x` [T + 2 reach, in] into `out` [T, columns].

    Unless `base` [T, columns] is None it is added; what is below zero is multiplied by `slope`.
    """
    weight, scale, bias, taps, dilation, points, _ = conv
    if points == 0:
        packed, rows = (weight, scale, bias), (0, len(out))
        multiply_part(packed, taps, dilation, x, out, 0, base, slope, rows, part, parts)
    else:
        _filter(conv, x, out, base, slope, part, parts)


@inlined
def _filter(conv, x, out, base, slope, part, parts):  # type: ignore[no-untyped-def]
    """The same by way of points."""
    weight, _, bias, _, dilation, points, many = conv
    # Each of `dilation` interleaved sounds has `many` neighbouring outputs in a group.
    blocks = weight.shape[2] // x.shape[1]
    groups = -(-len(out) // (many * dilation))
    (begin, end), panels = share_of_product((0, groups), weight, x, part, parts)
    whole = (len(x) - points * dilation) // (many * dilation) + 1  # groups with all their samples
    whole = max(0, min(whole, end + blocks - 1))
    rest = lines(((end + blocks - 1 - whole) * many + points) * dilation, x.shape[1])
    for row in range(len(rest)):
        at = whole * many * dilation + row
        for c in range(x.shape[1]):
            rest[row, c] = x[at, c] if at < len(x) else ZERO
    together = -(-TOGETHER // dilation) * FULL_ROWS
    # a row more for each point: else the rows of all points would share the same cache lines
    values = lines(points * ((together + blocks - 1) * dilation + 1), x.shape[1])
    products = lines(points * (together * dilation + 1), out.shape[1])
    for first in range(begin, end, together):
        groups = min(together, end - first)
        seen = groups + blocks - 1
        there = max(0, min(seen, whole - first))
        way = points, many, dilation
        _to_points(way, x, values, first, 0, there)
        _to_points(way, rest, values, first - whole, there, seen)
        for point in range(points):
            at, to_row = point * len(values) // points, point * len(products) // points
            factors, sums = values[at : at + seen * dilation], products[to_row:]
            packed = (weight[point : point + 1],)
            some = 0, groups * dilation
            multiply_panels(packed, blocks, dilation, factors, sums, 0, None, ONE, some, panels)
        _to_outputs(way, products, bias, out, base, slope, first, groups, panels)


@inner
def _to_points(way, x, values, first, start, end):  # type: ignore[no-untyped-def]
    """Values [points, rows, in] of some groups of samples; the `first` of all begin at row 0."""
    (points, many, dilation), width = way, x.shape[1]
    apart = len(values) // points * width
    for row in range(start * dilation, end * dilation):
        at = ((first + row // dilation) * many * dilation + row % dilation) * width
        for c in range(0, width, ABREAST):
            to, source = (row * width + c, apart), (at + c, dilation * width)
            if points == 8:
                SAMPLES_8(values, to, x, source, None)
            else:
                SAMPLES_11(values, to, x, source, None)


@inner
def _to_outputs(way, products, bias, out, base, slope, first, groups, panels):  # type: ignore[no-untyped-def]
    """Some panels of rows of `out`, of some groups, from products [points, rows, columns]."""
    (points, many, dilation), (rows, width) = way, out.shape
    apart = len(products) // points * width
    some = lines(many, ABREAST)
    for row in range(groups * dilation):
        begin = (first + row // dilation) * many * dilation + row % dilation
        for c in range(panels[0] * LANES, panels[1] * LANES, ABREAST):
            place, source = (begin * width + c, dilation * width), (row * width + c, apart)
            if begin + (many - 1) * dilation < rows:
                _combine(points, many, out, place, products, source, (bias, c, base, slope))
                continue
            _combine(points, many, some, (0, ABREAST), products, source, None)
            for i in range((rows - begin + dilation - 1) // dilation):
                t = begin + i * dilation
                for lane in range(ABREAST):
                    y = some[i, lane] + bias[0, c + lane]
                    if base is not None:
                        y += base[t, c + lane]
                    out[t, c + lane] = max(y, slope * y)


@inlined
def _combine(points, many, out, place, products, source, finish):  # type: ignore[no-untyped-def]
    """The outputs of one group in a few columns."""
    if points == 8:
        OUTPUTS_8(out, place, products, source, finish)
    elif many == 5:
        OUTPUTS_11_5(out, place, products, source, finish)
    else:
        OUTPUTS_11(out, place, products, source, finish)
