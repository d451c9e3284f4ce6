"""Convolutions of sound with channels last, [T, C] float32, as compiled code for the CPU.

Every tap of a convolution is a product of samples with panels of the weight, in the tiles that a
linear layer takes, too (`tile_kernel`). What lies between two convolutions, the bend below zero and
the residual, is done where the samples are in registers or about to be read.

The functions are parallel ones if asked for; each part has rows of its own.
"""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numba import njit, prange
from numpy.typing import NDArray

from engine.models.kernel_parts import ONE, ZERO, compiled
from engine.models.tile_kernel import FULL_ROWS, multiply_tile

Sound = NDArray[np.float32]


class Taps(NamedTuple):
    """A convolution: panels [1, panels, taps * in, LANES], and so on as in `Projection`."""

    weight: NDArray[np.float32]
    scale: NDArray[np.float32]
    bias: NDArray[np.float32]
    taps: int
    dilation: int


@cache
def convolution(parallel: bool) -> Any:
    """The function (taps, x [T, in], seen, last, threads) -> sound [T', out], what to see next.

    `seen` are the samples before `x` that the next ones depend on; behind the `last` is silence.
    """

    def convolve(conv, x, seen, last, threads):  # type: ignore[no-untyped-def]
        weight, scale, bias, taps, dilation = conv
        parts = threads if parallel else 1
        reach = taps // 2 * dilation
        joined = _behind(seen, len(x), reach if last else 0)
        _put(x, joined, len(seen))
        ready = max(0, len(joined) - 2 * reach)
        out = np.empty((ready, weight.shape[1] * weight.shape[3]), np.float32)
        for part in prange(parts):
            rows = ready * part // parts, ready * (part + 1) // parts
            _convolve((weight, scale, bias), taps, dilation, joined, out, 0, None, ONE, rows)
        return out, joined[ready:].copy()

    return compiled(convolve, parallel)


@cache
def residual_pair(parallel: bool) -> Any:
    """The function (first, second, slope, x [T, C], state, last, threads) -> sound, new state.

    Two convolutions, each of bent samples, whose outcome is added to `x`. The state is what the
    two convolutions have seen, and what of `x` waits for them.
    """

    def pair(first, second, slope, x, state, last, threads):  # type: ignore[no-untyped-def]
        seen, between, waiting = state
        weight1, scale1, bias1, taps1, dilation1 = first
        weight2, scale2, bias2, taps2, dilation2 = second
        parts = threads if parallel else 1
        reach1, reach2 = taps1 // 2 * dilation1, taps2 // 2 * dilation2
        raw = _behind(waiting, len(x), 0)
        bent = _behind(seen, len(x), reach1 if last else 0)
        for part in prange(parts):
            for t in range(len(x) * part // parts, len(x) * (part + 1) // parts):
                for c in range(x.shape[1]):
                    raw[len(waiting) + t, c] = x[t, c]
                    bent[len(seen) + t, c] = max(x[t, c], slope * x[t, c])
        ready1 = max(0, len(bent) - 2 * reach1)
        middle = _behind(between, ready1, reach2 if last else 0)
        for part in prange(parts):
            rows = ready1 * part // parts, ready1 * (part + 1) // parts
            packed = weight1, scale1, bias1
            _convolve(packed, taps1, dilation1, bent, middle, len(between), None, slope, rows)
        ready2 = max(0, len(middle) - 2 * reach2)
        out = np.empty((ready2, x.shape[1]), np.float32)
        for part in prange(parts):
            rows = ready2 * part // parts, ready2 * (part + 1) // parts
            packed = weight2, scale2, bias2
            _convolve(packed, taps2, dilation2, middle, out, 0, raw, ONE, rows)
        return out, (bent[ready1:].copy(), middle[ready2:].copy(), raw[ready2:].copy())

    return compiled(pair, parallel)


@cache
def upsampling(parallel: bool) -> Any:
    """The function (taps, slope, stride, x [T, in], tail, threads) -> sound, new tail.

    A transposed convolution of bent samples, `taps` wide: its panels have the columns of one tap
    after the other. The sound has T * stride rows; the tail overlaps with those of the next piece
    and has no bias.
    """

    def upsample(conv, bias, slope, stride, x, tail, threads):  # type: ignore[no-untyped-def]
        weight, scale, zeros, taps, _ = conv
        parts = threads if parallel else 1
        bent = np.maximum(x, slope * x)
        spread = np.empty((len(x), weight.shape[1] * weight.shape[3]), np.float32)
        for part in prange(parts):
            rows = len(x) * part // parts, len(x) * (part + 1) // parts
            _convolve((weight, scale, zeros), 1, 1, bent, spread, 0, None, ONE, rows)
        ready, width = len(x) * stride, len(bias)
        out = np.empty((ready + taps - stride, width), np.float32)
        for part in prange(parts):
            for row in range(len(out) * part // parts, len(out) * (part + 1) // parts):
                for c in range(width):
                    out[row, c] = bias[c] if row < ready else ZERO
                if row < len(tail):
                    for c in range(width):
                        out[row, c] += tail[row, c]
                for t in range(
                    max(0, (row - taps + stride) // stride), min(len(x), row // stride + 1)
                ):
                    at = (row - t * stride) * width
                    for c in range(width):
                        out[row, c] += spread[t, at + c]
        return out[:ready], out[ready:].copy()

    return compiled(upsample, parallel)


@njit(fastmath=True)
def _behind(before, rows, silence):  # type: ignore[no-untyped-def]
    """Room for as many rows behind those `before` them, and silent ones at the end."""
    out = np.empty((len(before) + rows + silence, before.shape[1]), np.float32)
    _put(before, out, 0)
    for row in range(len(before) + rows, len(out)):
        for c in range(out.shape[1]):
            out[row, c] = ZERO
    return out


@njit
def _put(x, out, to):  # type: ignore[no-untyped-def]
    """Copy rows; an assignment to a slice would take seconds to compile."""
    for row in range(len(x)):
        for c in range(x.shape[1]):
            out[to + row, c] = x[row, c]


@njit(fastmath=True)
def _convolve(packed, taps, dilation, x, out, to, base, slope, rows):  # type: ignore[no-untyped-def]
    """Some rows of a convolution of `x`, put `to` rows further into `out`.

    The last tile overlaps the one before: what is in both comes out the same.
    """
    _, panels, inputs, lanes = packed[0].shape
    first, last = rows
    step = inputs * lanes
    shape = out.shape[1], x.shape[1], taps, dilation * x.shape[1], inputs // taps, step
    for panel in range(panels):
        at, column = panel * step, panel * lanes
        for begin in range(first, last, FULL_ROWS):
            row = min(begin, last - FULL_ROWS)
            if row >= first:
                place = (to + row) * out.shape[1] + column
                multiply_tile(
                    out, place, x, row * x.shape[1], packed, at, column, base, slope, shape, 6, 1
                )
            else:
                for row in range(first, last):
                    place = (to + row) * out.shape[1] + column
                    multiply_tile(
                        out,
                        place,
                        x,
                        row * x.shape[1],
                        packed,
                        at,
                        column,
                        base,
                        slope,
                        shape,
                        1,
                        1,
                    )
