"""Convolutions of sound with channels last, [T, C] float32, as compiled code for the CPU.

Every tap of a convolution is a product of samples with panels of the weight, in the tiles that a
linear layer takes, too (`tile_kernel`). What lies between two convolutions, the bend below zero and
the residual, is done where the samples are in registers or about to be read.

Several threads can do a function together (`kernel_threads`): each part has rows of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from engine.models.kernel_parts import ONE, ZERO, compiled
from engine.models.kernel_threads import meet
from engine.models.panels import share_of
from engine.models.tile_kernel import FULL_PANELS, FULL_ROWS, multiply_tile

Sound = NDArray[np.float32]


class Taps(NamedTuple):
    """A convolution: panels [1, panels, taps * in, LANES], and so on as in `Projection`."""

    weight: NDArray[np.float32]
    scale: NDArray[np.float32]
    bias: NDArray[np.float32]
    taps: int
    dilation: int

    @property
    def reach(self) -> int:
        """How far it looks to each side, in samples."""
        return self.taps // 2 * self.dilation


@cache
def convolution() -> Callable[..., None]:
    """(taps, x [T + 2 reach, in], out [T, columns], met, part, parts): every row that it can."""

    def convolve(conv, x, out, met, part, parts):  # type: ignore[no-untyped-def]
        weight, scale, bias, taps, dilation = conv
        rows = share_of(len(out), part, parts)
        _convolve((weight, scale, bias), taps, dilation, x, out, 0, None, ONE, rows)

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
        weight1, scale1, bias1, taps1, dilation1 = first
        weight2, scale2, bias2, taps2, dilation2 = second
        begin, end = share_of(len(x), part, parts)
        for t in range(begin, end):
            for c in range(x.shape[1]):
                raw[known[0] + t, c] = x[t, c]
                bent[known[1] + t, c] = max(x[t, c], slope * x[t, c])
        meet(met, 1, parts)
        rows = share_of(max(0, len(bent) - (taps1 - 1) * dilation1), part, parts)
        packed = weight1, scale1, bias1
        _convolve(packed, taps1, dilation1, bent, middle, known[2], None, slope, rows)
        meet(met, 2, parts)
        packed, rows = (weight2, scale2, bias2), share_of(len(out), part, parts)
        _convolve(packed, taps2, dilation2, middle, out, 0, raw, ONE, rows)

    return compiled(pair)


@cache
def upsampling() -> Callable[..., None]:
    """A transposed convolution of bent samples; its panels have the columns of tap after tap.

    (taps, bias, stride, bent [T, in], spread [T, taps * columns], tail, out, met, part, parts):
    the tail, of the piece before, is added. Rows from T * stride on have no bias: they are the next
    tail.
    """

    def upsample(conv, bias, stride, bent, spread, tail, out, met, part, parts):  # type: ignore[no-untyped-def]
        weight, scale, zeros, taps, _ = conv
        ready, width = len(bent) * stride, len(bias)
        rows = share_of(len(bent), part, parts)
        _convolve((weight, scale, zeros), 1, 1, bent, spread, 0, None, ONE, rows)
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


@njit(fastmath=True, error_model="numpy")
def _convolve(packed, taps, dilation, x, out, to, base, slope, rows):  # type: ignore[no-untyped-def]
    """Some rows of a convolution of `x`, put `to` rows further into `out`.

    The last tile overlaps the one before: what is in both comes out the same.
    """
    _, panels, inputs, lanes = packed[0].shape
    first, last = rows
    step = inputs * lanes
    x_step = x.shape[1]
    shape = out.shape[1], x_step, taps, dilation * x_step, inputs // taps, step
    together = FULL_PANELS if last - first >= FULL_ROWS else 1
    panel = 0
    while panel < panels:
        count = together if panel + together <= panels else 1
        at, column = panel * step, panel * lanes
        for begin in range(first, last, FULL_ROWS):
            row = min(begin, last - FULL_ROWS)
            if row >= first:
                place = (to + row) * out.shape[1] + column
                if count == 2:
                    multiply_tile(
                        out, place, x, row * x_step, packed, at, column, base, slope, shape, 6, 2
                    )
                else:
                    multiply_tile(
                        out, place, x, row * x_step, packed, at, column, base, slope, shape, 6, 1
                    )
            else:
                for row in range(first, last):
                    place = (to + row) * out.shape[1] + column
                    multiply_tile(
                        out, place, x, row * x_step, packed, at, column, base, slope, shape, 1, 1
                    )
        panel += count
