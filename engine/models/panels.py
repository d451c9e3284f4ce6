"""Weights as panels of 16 columns, and the product of rows with them; see `tile_kernel`."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from engine.models.kernel_parts import LINE, inlined, inner
from engine.models.tile_kernel import FULL_PANELS, FULL_ROWS, LANES, multiply_tile


class Projection(NamedTuple):
    """The linear layers of one kind, of all layers; outputs are filled up to whole panels.

    Attributes:
        weight: float32, the bits of float16 as int16, or int8; [layers, panels, in, LANES].
        scale: what the outputs are to be multiplied by, float32 [layers, panels * LANES].
        bias: float32 [layers, panels * LANES].
    """

    weight: NDArray[Any]
    scale: NDArray[np.float32]
    bias: NDArray[np.float32]


def padded(columns: int) -> int:
    """The columns of as many whole panels as are needed."""
    return -(-columns // LANES) * LANES


def panels_of(weights: Sequence[Tensor], kind: torch.dtype = torch.float32) -> NDArray[Any]:
    """Weights [out, in] of some layers as panels [layers, panels, in, LANES] of one kind."""
    outputs, inputs = weights[0].shape
    missing = padded(outputs) - outputs
    packed = aligned((len(weights), padded(outputs) // LANES, inputs, LANES), kind)
    for layer, weight in zip(packed, weights, strict=True):
        filled = F.pad(weight.detach(), (0, 0, 0, missing)) if missing else weight.detach()
        layer.copy_(filled.to(kind).reshape(-1, LANES, inputs).mT)
    return packed.numpy()


def aligned(shape: tuple[int, ...], kind: torch.dtype) -> Tensor:
    """Room for numbers from the beginning of a cache line on, in numpy's large pages."""
    size = math.prod(shape) * kind.itemsize
    room = np.empty(size + LINE, np.int8)
    first = -room.ctypes.data % LINE
    return torch.from_numpy(room[first : first + size]).view(kind).view(shape)


@inner
def share_of(count, part, parts):  # type: ignore[no-untyped-def]
    """Where one part's share of so many panels or rows begins and ends."""
    return count * part // parts, count * (part + 1) // parts


@inlined
def layer_of(packed, layer):  # type: ignore[no-untyped-def]
    """One layer of a projection, for `multiply_rows`."""
    weight, scale, bias = packed
    return weight[layer : layer + 1], scale[layer : layer + 1], bias[layer : layer + 1]


@inlined
def share_of_product(rows, weight, x, part, parts):  # type: ignore[no-untyped-def]
    """A part's rows, of some, and panels of a product: where they begin and end.

    What is larger, samples or weight, is shared out; the other one is read by every part.
    """
    (first, end), panels = rows, weight.shape[1]
    if weight.size > x.size and panels >= parts:
        return (first, end), share_of(panels, part, parts)
    begin, until = share_of(max(0, end - first), part, parts)
    return (first + begin, first + until), (0, panels)


@inner
def multiply_part(packed, taps, dilation, x, out, to, base, slope, rows, part, parts):  # type: ignore[no-untyped-def]
    """A part of `multiply_rows`; the parts must meet before the outcome is read."""
    own, panels = share_of_product(rows, packed[0], x, part, parts)
    multiply_panels(packed, taps, dilation, x, out, to, base, slope, own, panels)


@inner
def multiply_rows(packed, taps, dilation, x, out, to, base, slope, rows):  # type: ignore[no-untyped-def]
    """Some rows of a product of `x`, tap after tap, put `to` rows further into `out`."""
    panels = 0, packed[0].shape[1]
    multiply_panels(packed, taps, dilation, x, out, to, base, slope, rows, panels)


@inner
def multiply_panels(packed, taps, dilation, x, out, to, base, slope, rows, some):  # type: ignore[no-untyped-def]
    """The same for some of the panels: the first one and their end.

    The last tile overlaps the one before: what is in both comes out the same.
    """
    _, _, inputs, lanes = packed[0].shape
    first, last = rows
    step = inputs * lanes
    x_step = x.shape[1]
    shape = out.shape[1], x_step, taps, dilation * x_step, inputs // taps, step
    together = FULL_PANELS if last - first >= FULL_ROWS else 1
    panel, end = some
    while panel < end:
        count = together if panel + together <= end else 1
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


@inner
def multiply(packed, layer, x, out, slope, some):  # type: ignore[no-untyped-def]
    """Rows of `x` [B, in] times some of a layer's panels: columns of `out` [B, out].

    `some` is the first panel and their end. What is below zero is multiplied by `slope`. Few rows
    pass several panels at a time: memory is read fastest in a few long runs.
    """
    rows, (_, panels, depth, lanes) = len(x), packed[0].shape
    panel, last = some
    step = depth * lanes
    shape = out.shape[1], x.shape[1], 1, 0, depth, step
    tiles = (rows + FULL_ROWS - 1) // FULL_ROWS
    together = 4 if rows == 1 else 2 if rows < 4 else FULL_PANELS
    while panel < last:
        count = together if panel + together <= last else 1
        at, column = (layer * panels + panel) * step, (layer * panels + panel) * lanes
        for tile in range(tiles):
            row = rows * tile // tiles
            size = rows * (tile + 1) // tiles - row, count
            to, begin = row * out.shape[1] + panel * lanes, row * x.shape[1]
            _multiply_tile(out, to, x, begin, packed, at, column, slope, shape, size)
        panel += count


@inner
def _multiply_tile(out, to, x, begin, packed, at, column, slope, shape, size):  # type: ignore[no-untyped-def]
    """`multiply_tile` of as many rows and panels; more than six never come in less than three."""
    if size == (1, 4):
        multiply_tile(out, to, x, begin, packed, at, column, None, slope, shape, 1, 4)
    elif size == (1, 1):
        multiply_tile(out, to, x, begin, packed, at, column, None, slope, shape, 1, 1)
    elif size == (2, 2):
        multiply_tile(out, to, x, begin, packed, at, column, None, slope, shape, 2, 2)
    elif size == (2, 1):
        multiply_tile(out, to, x, begin, packed, at, column, None, slope, shape, 2, 1)
    elif size == (3, 2):
        multiply_tile(out, to, x, begin, packed, at, column, None, slope, shape, 3, 2)
    elif size == (3, 1):
        multiply_tile(out, to, x, begin, packed, at, column, None, slope, shape, 3, 1)
    elif size == (4, 2):
        multiply_tile(out, to, x, begin, packed, at, column, None, slope, shape, 4, 2)
    elif size == (4, 1):
        multiply_tile(out, to, x, begin, packed, at, column, None, slope, shape, 4, 1)
    elif size == (5, 2):
        multiply_tile(out, to, x, begin, packed, at, column, None, slope, shape, 5, 2)
    elif size == (5, 1):
        multiply_tile(out, to, x, begin, packed, at, column, None, slope, shape, 5, 1)
    elif size == (6, 2):
        multiply_tile(out, to, x, begin, packed, at, column, None, slope, shape, 6, 2)
    else:
        multiply_tile(out, to, x, begin, packed, at, column, None, slope, shape, 6, 1)
