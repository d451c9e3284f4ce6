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
from numba.extending import intrinsic

logger = logging.getLogger(__name__)

ONE, ZERO = np.float32(1), np.float32(0)
LINE = 64  # bytes of a cache line


def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """`function` as machine code, made at its first call and kept on disk."""
    compiler = partial(njit, fastmath=True, nogil=True, error_model="numpy")
    try:
        return cast(Callable[..., Any], compiler(cache=True)(function))
    except RuntimeError as error:  # numba's word for: no folder of ours can be written
        logger.info("%s is compiled anew in every process: %s", function.__name__, error)
        return cast(Callable[..., Any], compiler()(function))


@njit(error_model="numpy")
def lines(rows, width):  # type: ignore[no-untyped-def]
    """Room for float32 [rows, width] from the beginning of a cache line on."""
    room = np.empty(rows * width + LINE // 4, np.float32)
    first = -(room.ctypes.data // 4) % (LINE // 4)
    return room[first : first + rows * width].reshape(rows, width)


def prefetch(builder: Any, place: Any) -> None:
    """Write the instruction that fetches the line of a place in memory."""
    byte, word = ir.IntType(8).as_pointer(), ir.IntType(32)
    kind = ir.FunctionType(ir.VoidType(), [byte, word, word, word])
    function = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0")
    to_read, keep_near, data = word(0), word(3), word(1)
    builder.call(function, [builder.bitcast(place, byte), to_read, keep_near, data])


def _fetch_code(context, array, index):  # type: ignore[no-untyped-def]
    """Let the processor fetch the line of an element; beyond the array it is no error."""

    def generate(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        source = context.make_array(signature.args[0])(context, builder, arguments[0])
        prefetch(builder, builder.gep(source.data, [arguments[1]]))
        return context.get_dummy_value()

    return types.void(array, types.int64), generate


fetch: Any = intrinsic(_fetch_code)


def _wide_code(context, number):  # type: ignore[no-untyped-def]
    """A float32, or the bits of a float16 as int16 -> float32."""

    def generate(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        if number != types.int16:
            return arguments[0]
        return builder.fpext(builder.bitcast(arguments[0], ir.HalfType()), ir.FloatType())

    return types.float32(number), generate


def _narrow_code(context, number, like):  # type: ignore[no-untyped-def]
    """A float32 as it is, or as the bits of a float16 where `like` is an int16."""

    def generate(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        if like != types.int16:
            return arguments[0]
        return builder.bitcast(builder.fptrunc(arguments[0], ir.HalfType()), ir.IntType(16))

    return like(number, like), generate


wide: Any = intrinsic(_wide_code)
narrow: Any = intrinsic(_narrow_code)
