"""Parts of compiled kernels that numba has no word for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic, overload

LINE = 64  # bytes of a cache line


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
