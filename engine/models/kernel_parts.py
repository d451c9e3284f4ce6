"""Parts of compiled kernels that numba has no word for."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import cache, partial
from hashlib import blake2b
from pathlib import Path
from typing import Any, NamedTuple, cast

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic
from numpy.typing import NDArray

logger = logging.getLogger(__name__)

Numbers = NDArray[np.float32]
Counts = NDArray[np.int64]
ONE, ZERO = np.float32(1), np.float32(0)
LINE = 64  # bytes of a cache line
EPSILON = np.float32(1e-5)  # of the layer norms


_compile: Any = partial(njit, fastmath=True, error_model="numpy")  # numba's types lack options
inner = _compile(no_cpython_wrapper=True, no_cfunc_wrapper=True)
"""A function that compiled code alone calls: compiled by itself, once for all calls."""

inlined = _compile(inline="always")
"""One that becomes part of its caller; faster compiled where there are few calls."""


class Norm(NamedTuple):
    """The layer norms of one kind, of all layers: float32 [layers, D] each."""

    gain: NDArray[np.float32]
    bias: NDArray[np.float32]


def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """`function` as machine code, made at its first call and kept on disk.

    numba compiles a kept function anew when its own file has changed; here also when any other of
    this folder has, which may hold what the function calls.
    """
    function.__qualname__ += f"-{digest_of(Path(__file__).parent)}"
    compiler = partial(_compile, nogil=True)
    try:
        return cast(Callable[..., Any], compiler(cache=True)(function))
    except RuntimeError as error:  # numba's word for: no folder of ours can be written
        logger.info("%s is compiled anew in every process: %s", function.__name__, error)
        return cast(Callable[..., Any], compiler()(function))


@cache
def digest_of(folder: Path) -> str:
    """A short name for all that the Python files of a folder say."""
    whole = blake2b(digest_size=6)
    for file in sorted(folder.glob("*.py")):
        whole.update(file.read_bytes())
    return whole.hexdigest()


@inlined
def exponential(x):  # type: ignore[no-untyped-def]
    """e ** x for x <= 0, to 2 units in the last place; unlike the library's it vectorizes.

    2 ** n times a polynomial of the rest, with the coefficients of Cephes' `expf`.
    """
    x = max(x, np.float32(-87))
    n = np.floor(x * np.float32(1.44269504) + np.float32(0.5))
    r = x - n * np.float32(0.693359375) + n * np.float32(2.12194440e-4)  # x - n ln 2, in two parts
    p = np.float32(1.9875691500e-4)
    p = p * r + np.float32(1.3981999507e-3)
    p = p * r + np.float32(8.3334519073e-3)
    p = p * r + np.float32(4.1665795894e-2)
    p = p * r + np.float32(1.6666665459e-1)
    p = p * r + np.float32(5.0000001201e-1)
    p = p * r * r + r + ONE
    return p * np.int32((np.int32(n) + np.int32(127)) << np.int32(23)).view(np.float32)


@inner
def add_and_norm(x, y, gain, bias):  # type: ignore[no-untyped-def]
    """Add `y` to `x` [B, D] and normalize every row, in place."""
    rows, width = x.shape
    for b in range(rows):
        mean, variance = ZERO, ZERO
        for i in range(width):
            x[b, i] += y[b, i]
            mean += x[b, i]
        mean /= np.float32(width)
        for i in range(width):
            variance += (x[b, i] - mean) ** 2
        inverse = ONE / np.sqrt(variance / np.float32(width) + EPSILON)
        for i in range(width):
            x[b, i] = (x[b, i] - mean) * inverse * gain[i] + bias[i]


@inner
def lines(rows, width):  # type: ignore[no-untyped-def]
    """Room for float32 [rows, width] from the beginning of a cache line on."""
    room = np.empty(rows * width + LINE // 4, np.float32)
    first = -(room.ctypes.data // 4) % (LINE // 4)
    return room[first : first + rows * width].reshape(rows, width)


def everywhere(builder: Any, number: Any, kind: Any) -> Any:
    """Write a vector of one `kind` that has a number in all lanes."""
    nothing = ir.Constant(kind, ir.Undefined)
    first = builder.insert_element(nothing, number, ir.IntType(32)(0))
    lanes = ir.VectorType(ir.IntType(32), kind.count)
    return builder.shuffle_vector(first, nothing, lanes([0] * kind.count))


def bent(builder: Any, vector: Any, slopes: Any) -> Any:
    """Write a vector in which what is below zero is multiplied by the slopes."""
    low = builder.fmul(vector, slopes)
    return builder.select(builder.fcmp_ordered(">", vector, low), vector, low)


def fused(builder: Any, a: Any, b: Any, c: Any) -> Any:
    """Write a * b + c of float32 vectors, rounded once."""
    kind = ir.FunctionType(c.type, [c.type] * 3)
    name = f"llvm.fma.v{c.type.count}f32"
    return builder.call(cgutils.get_or_insert_function(builder.module, kind, name), [a, b, c])


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
