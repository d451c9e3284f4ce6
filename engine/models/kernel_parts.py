"""Parts of compiled kernels that numba has no word for."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from typing import Any, cast

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic, overload

logger = logging.getLogger(__name__)

ONE, ZERO = np.float32(1), np.float32(0)
FOUR_SUMS = (ZERO, ZERO, ZERO, ZERO)
LINE = 64  # bytes of a cache line
AHEAD = 4096  # bytes of a weight to fetch before they are needed, in a batch


def compiled(function: Callable[..., Any], parallel: bool) -> Callable[..., Any]:
    """`function` as machine code, made at its first call and kept on disk.

    It has to name a variable of its surroundings that tells whether it is `parallel`: numba keeps
    the code under the values of those, and not under its own options.
    """
    compiler = partial(njit, parallel=parallel, fastmath=True, nogil=True)
    try:
        return cast(Callable[..., Any], compiler(cache=True)(function))
    except RuntimeError as error:  # numba's word for: no folder of ours can be written
        logger.info("%s is compiled anew in every process: %s", function.__name__, error)
        return cast(Callable[..., Any], compiler()(function))


@njit
def lines(rows, width):  # type: ignore[no-untyped-def]
    """Room for float32 [rows, width] from the beginning of a cache line on."""
    room = np.empty(rows * width + LINE // 4, np.float32)
    first = -(room.ctypes.data // 4) % (LINE // 4)
    return room[first : first + rows * width].reshape(rows, width)


def plain(weight: Any) -> Any:
    """A float32, int8 or the bits of a float16 as float32; for compiled code."""
    raise NotImplementedError


@overload(plain, strict=False)
def _plain_of_type(weight: Any) -> Callable[[Any], Any]:
    def from_half(weight: Any) -> Any:
        return _half(weight)

    def from_other(weight: Any) -> Any:
        return np.float32(weight)

    return from_half if weight == types.int16 else from_other


def _half_code(context, bits):  # type: ignore[no-untyped-def]
    """The float16 that has these bits, as float32."""

    def generate(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        return builder.fpext(builder.bitcast(arguments[0], ir.HalfType()), ir.FloatType())

    return types.float32(types.int16), generate


def _fetch_code(context, array, index):  # type: ignore[no-untyped-def]
    """Let the processor fetch the line of an element; beyond the array it is no error."""

    def generate(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        source = context.make_array(signature.args[0])(context, builder, arguments[0])
        byte, word = ir.IntType(8).as_pointer(), ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [byte, word, word, word])
        prefetch = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0")  # type: ignore[no-untyped-call]
        place = builder.bitcast(builder.gep(source.data, [arguments[1]]), byte)
        builder.call(prefetch, [place, word(0), word(3), word(1)])  # to read, keep near, data
        return context.get_dummy_value()

    return types.void(array, types.int64), generate


_half: Any = intrinsic(_half_code)
fetch: Any = intrinsic(_fetch_code)


@njit(fastmath=True)
def multiply(weight, scale, bias, layer, x, out, part, parts):  # type: ignore[no-untyped-def]
    """A part of the rows of a layer's weight times all of `x`: columns of `out`."""
    first, last = weight.shape[1] * part // parts, weight.shape[1] * (part + 1) // parts
    multiply_rows(weight, scale, bias, layer, x, out, first, last)


@njit(fastmath=True)
def multiply_rows(weight, scale, bias, layer, x, out, first, last):  # type: ignore[no-untyped-def]
    """Rows of a layer's weight times all of `x`: columns of `out`.

    Two rows of the weight at a time, as far apart as they can be, for memory is read fastest in
    few long runs; and four of `x`, with a part of the weight's next rows fetched for each four.
    """
    rows, width = x.shape
    ahead = max(1, AHEAD // (width * weight.itemsize))
    fours = rows - rows % 4
    apart = (last - first + 1) // 2
    for near in range(first, first + apart):
        far = min(near + apart, last - 1)
        for b in range(0, fours, 4):
            for k in range(width * b // fours, width * (b + 4) // fours, LINE // weight.itemsize):
                fetch(weight, (layer * weight.shape[1] + near + ahead) * width + k)
                fetch(weight, (layer * weight.shape[1] + far + ahead) * width + k)
            sums, others = FOUR_SUMS, FOUR_SUMS
            for k in range(width):
                column = x[b, k], x[b + 1, k], x[b + 2, k], x[b + 3, k]
                sums = _added(sums, plain(weight[layer, near, k]), column)
                others = _added(others, plain(weight[layer, far, k]), column)
            for i in range(4):
                out[b + i, near] = sums[i] * scale[layer, near] + bias[layer, near]
                out[b + i, far] = others[i] * scale[layer, far] + bias[layer, far]
        for b in range(fours, rows):
            one, other = ZERO, ZERO
            for k in range(width):
                one += plain(weight[layer, near, k]) * x[b, k]
                other += plain(weight[layer, far, k]) * x[b, k]
            out[b, near] = one * scale[layer, near] + bias[layer, near]
            out[b, far] = other * scale[layer, far] + bias[layer, far]


@njit(fastmath=True)
def _added(sums, w, x):  # type: ignore[no-untyped-def]
    """Four sums with the products of `w` and four numbers."""
    return sums[0] + w * x[0], sums[1] + w * x[1], sums[2] + w * x[2], sums[3] + w * x[3]
