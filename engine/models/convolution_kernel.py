"""Convolutions of sound with channels last, [T, C] float32, as compiled code for the CPU.

A convolution is a product of samples with panels of the weight, in the tiles that a linear layer
takes, too (`tile_kernel`): one for each tap, or, of several neighbouring outputs at once, one for
each of fewer points (`minimal_filtering`). What lies between two convolutions, the bend below zero
and the residual, is done where the samples are in registers or about to be read.

Several threads can do a function together (`kernel_threads`): each part has rows of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from engine.models.combination_kernel import ABREAST, combination
from engine.models.kernel_parts import ONE, ZERO, compiled, lines
from engine.models.kernel_threads import meet
from engine.models.minimal_filtering import filtering
from engine.models.panels import multiply_rows, share_of
from engine.models.tile_kernel import FULL_ROWS

SAMPLES_8, OUTPUTS_8 = (combination(matrix) for matrix in filtering(3)[::2])
SAMPLES_11, OUTPUTS_11 = (combination(matrix) for matrix in filtering(11)[::2])
OUTPUTS_11_5 = combination(filtering(7).outputs)
TOGETHER = 8  # tiles between samples and outputs: what of them stays in the caches
Sound = NDArray[np.float32]


class Taps(NamedTuple):
    """A convolution.

    Attributes:
        weight: panels [points, panels, blocks * in, LANES]; without points, [1, panels, taps * in,
            LANES].
        scale, bias: as in `Projection`.
        taps, dilation: its width, and how far taps are apart.
        points, outputs: how many outputs a group has, and by way of how many points; 0 without.
    """

    weight: NDArray[np.float32]
    scale: NDArray[np.float32]
    bias: NDArray[np.float32]
    taps: int
    dilation: int
    points: int
    outputs: int

    @property
    def reach(self) -> int:
        """How far it looks to each side, in samples."""
        return self.taps // 2 * self.dilation


@cache
def convolution() -> Callable[..., None]:
    """(taps, x [T + 2 reach, in], out [T, columns], met, part, parts), without points."""

    def convolve(conv, x, out, met, part, parts):  # type: ignore[no-untyped-def]
        weight, scale, bias, taps, dilation = conv[:5]
        rows = share_of(len(out), part, parts)
        multiply_rows((weight, scale, bias), taps, dilation, x, out, 0, None, ONE, rows)

    return compiled(convolve)


@cache
def residual_pair() -> Callable[..., None]:
    """Two convolutions, each of bent samples, whose outcome is added to what they began with.

    (first, second, slope, x [T, C], places, known, out, met, part, parts), with room for the raw
    samples, the bent ones and what lies between the convolutions in `places`; the `known` rows
    of each are there.
    """

    def pair(first, second, slope, x, places, known, out, met, part, parts):  # type: ignore[no-untyped-def]
        raw, bent, middle = places
        taps, dilation = first[3:5]
        begin, end = share_of(len(x), part, parts)
        for t in range(begin, end):
            for c in range(x.shape[1]):
                raw[known[0] + t, c] = x[t, c]
                bent[known[1] + t, c] = max(x[t, c], slope * x[t, c])
        meet(met, 1, parts)
        ready = max(0, len(bent) - (taps - 1) * dilation)
        _convolve(first, bent, middle, known[2], ready, None, slope, part, parts)
        meet(met, 2, parts)
        _convolve(second, middle, out, 0, len(out), raw, ONE, part, parts)

    return compiled(pair)


@cache
def upsampling() -> Callable[..., None]:
    """A transposed convolution of bent samples; its panels have the columns of tap after tap.

    (taps, bias, stride, slope, x [T, in], bent, spread [T, taps * columns], tail, out, met, part,
    parts), with room for the bent samples: the tail, of the piece before, is added. Rows from
    T * stride on have no bias: they are the next tail.
    """

    def upsample(conv, bias, stride, slope, x, bent, spread, tail, out, met, part, parts):  # type: ignore[no-untyped-def]
        weight, scale, zeros, taps = conv[:4]
        ready, width = len(bent) * stride, len(bias)
        rows = share_of(len(bent), part, parts)
        for t in range(rows[0], rows[1]):
            for c in range(x.shape[1]):
                bent[t, c] = max(x[t, c], slope * x[t, c])
        multiply_rows((weight, scale, zeros), 1, 1, bent, spread, 0, None, ONE, rows)
        meet(met, 1, parts)
        begin, end = share_of(len(out), part, parts)
        for row in range(begin, end):
            for c in range(width):
                out[row, c] = bias[c] if row < ready else ZERO
            if row < len(tail):
                for c in range(width):
                    out[row, c] += tail[row, c]
            earliest = max(0, (row - taps + stride) // stride)
            for t in range(earliest, min(len(bent), row // stride + 1)):
                at = (row - t * stride) * width
                for c in range(width):
                    out[row, c] += spread[t, at + c]

    return compiled(upsample)


@cache
def mean() -> Callable[..., None]:
    """(known, fresh, out [T, C], met, part, parts): the mean of sounds of which some were `known`.

    Both are arrays [T_i, C], one of each for every sound.
    """

    def average(known, fresh, out, met, part, parts):  # type: ignore[no-untyped-def]
        begin, end = share_of(len(out), part, parts)
        factor = ONE / np.float32(len(fresh))
        for i in range(len(fresh)):
            earlier, later = known[i], fresh[i]
            for t in range(begin, end):
                source, row = (earlier, t) if t < len(earlier) else (later, t - len(earlier))
                for c in range(out.shape[1]):
                    sound = factor * source[row, c]
                    out[t, c] = sound if i == 0 else out[t, c] + sound

    return compiled(average)


@njit(fastmath=True, error_model="numpy", inline="always")
def _convolve(conv, x, out, to, rows, base, slope, part, parts):  # type: ignore[no-untyped-def]
    """A part of a convolution of `x`: so many `rows`, put `to` rows further into `out`."""
    weight, scale, bias, taps, dilation, points, _ = conv
    if points == 0:
        some = share_of(rows, part, parts)
        multiply_rows((weight, scale, bias), taps, dilation, x, out, to, base, slope, some)
    else:
        _filter(conv, x, out, to, rows, base, slope, part, parts)


@njit(fastmath=True, error_model="numpy", inline="always")
def _filter(conv, x, out, to, rows, base, slope, part, parts):  # type: ignore[no-untyped-def]
    """The same by way of points."""
    weight, _, bias, _, dilation, points, many = conv
    # Each of `dilation` interleaved sounds has `many` neighbouring outputs in a group.
    blocks = weight.shape[2] // x.shape[1]
    begin, end = share_of(-(-rows // (many * dilation)), part, parts)
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
            some = share_of(groups * dilation, 0, 1)
            multiply_rows(packed, blocks, dilation, factors, sums, 0, None, ONE, some)
        _to_outputs(way, products, bias, out, to, rows, base, slope, first, groups)


@njit(fastmath=True, error_model="numpy")
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


@njit(fastmath=True, error_model="numpy")
def _to_outputs(way, products, bias, out, to, rows, base, slope, first, groups):  # type: ignore[no-untyped-def]
    """Rows of `out` of some groups from their products [points, rows, columns]."""
    (points, many, dilation), width = way, out.shape[1]
    apart = len(products) // points * width
    some = lines(many, ABREAST)
    for row in range(groups * dilation):
        begin = (first + row // dilation) * many * dilation + row % dilation
        for c in range(0, width, ABREAST):
            place, source = ((to + begin) * width + c, dilation * width), (row * width + c, apart)
            if begin + (many - 1) * dilation < rows:
                _combine(points, many, out, place, products, source, (bias, c, base, slope))
                continue
            _combine(points, many, some, (0, ABREAST), products, source, None)
            for i in range((rows - begin + dilation - 1) // dilation):
                t = to + begin + i * dilation
                for lane in range(ABREAST):
                    y = some[i, lane] + bias[0, c + lane]
                    if base is not None:
                        y += base[t, c + lane]
                    out[t, c + lane] = max(y, slope * y)


@njit(fastmath=True, error_model="numpy", inline="always")
def _combine(points, many, out, place, products, source, finish):  # type: ignore[no-untyped-def]
    """The outputs of one group in a few columns."""
    if points == 8:
        OUTPUTS_8(out, place, products, source, finish)
    elif many == 5:
        OUTPUTS_11_5(out, place, products, source, finish)
    else:
        OUTPUTS_11(out, place, products, source, finish)
