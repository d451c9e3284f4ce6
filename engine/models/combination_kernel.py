"""Fixed combinations of rows of sound, as compiled code for the CPU.

The numbers of a matrix are part of the code: what is zero costs nothing, and what two rows or two
columns have in common is computed once (`ways`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic
from numpy.typing import NDArray

from engine.models.kernel_parts import bent, everywhere, fused
from engine.models.tile_kernel import FULL_PANELS, LANES

ABREAST = LANES if FULL_PANELS > 1 else LANES // 2  # numbers of a register
FLOAT, LONG = ir.FloatType(), ir.IntType(64)
VECTOR = ir.VectorType(FLOAT, ABREAST)
Matrix = NDArray[np.float64]
Factors = list[NDArray[np.float64]]


def combination(matrix: Matrix) -> Any:
    """`combine(out, place, x, x_place, finish)` for compiled code: ABREAST columns of rows.

    Places are (where the first row begins, how far rows are apart), in flat arrays. What comes out
    is matrix * rows, stored as it is where `finish` is None; else `finish` is (bias, where it
    begins, base or None, slope): the bias and what the base has at the places of `out` are added,
    and what is below zero is multiplied by the slope.
    """
    factors = min(ways(matrix), key=_work)

    def code(context, out, place, x, x_place, finish):  # type: ignore[no-untyped-def]
        signature = types.void(out, place, x, x_place, finish)
        return signature, partial(_generate, factors)

    return intrinsic(code)


def ways(matrix: Matrix) -> Iterator[Factors]:
    """The matrix as products of others that are mostly zero, the first to be applied first."""
    matrix = _exact(matrix)
    yield [matrix]
    yield _in_pairs(matrix)
    yield [factor.T for factor in reversed(_in_pairs(matrix.T))]
    # What vanishes at the point 1 is a combination of differences of neighbours.
    vanishing = np.isclose(matrix.sum(1), 0)
    ahead = np.cumsum(matrix[:, :0:-1], axis=1)[:, ::-1]
    neighbours = np.diff(np.eye(matrix.shape[1]), axis=0)
    sides = ahead * vanishing[:, None], matrix * ~vanishing[:, None]
    both = np.vstack([neighbours, np.eye(matrix.shape[1])])
    yield [both, *_in_pairs(_exact(np.hstack(sides)))]


def _exact(matrix: Matrix) -> Matrix:
    """Without what rounding has left in the place of zero."""
    return np.where(np.isclose(matrix, 0, atol=1e-12), 0, matrix)


def _in_pairs(matrix: Matrix) -> Factors:
    """Of rows that differ in signs alone, what they have in common and what they have not."""
    shared: list[Matrix] = []
    joined = np.zeros((len(matrix), len(matrix)))
    left = list(range(len(matrix)))
    while left:
        row = left.pop(0)
        twin = next((i for i in left if _differ_in_signs(matrix[row], matrix[i])), None)
        if twin is None:
            joined[row, len(shared)] = 1
            shared.append(matrix[row])
            continue
        left.remove(twin)
        same = np.sign(matrix[row]) == np.sign(matrix[twin])
        joined[row, len(shared) : len(shared) + 2] = 1
        joined[twin, len(shared) : len(shared) + 2] = 1, -1
        shared += [matrix[row] * same, matrix[row] * ~same]
    return [np.array(shared), joined]


def _differ_in_signs(one: Matrix, other: Matrix) -> bool:
    return np.allclose(abs(one), abs(other)) and not np.allclose(abs(one + other), 2 * abs(one))


def _work(factors: Factors) -> int:
    """How many numbers are added or multiplied; rows that are one of the others cost nothing."""
    terms = [np.count_nonzero(row) for factor in factors for row in factor]
    return sum(int(count) for count in terms if count > 1)


def _generate(factors, context, builder, signature, arguments):  # type: ignore[no-untyped-def]
    out, place, x, x_place, finish = arguments
    kinds, code = signature.args, _Combination(builder)

    def rows(kind: Any, array: Any, where: Any, count: int) -> list[Any]:
        data = context.make_array(kind)(context, builder, array).data
        first, apart = cgutils.unpack_tuple(builder, where) if count > 1 else (where, LONG(0))
        return [code.pointer(data, first, apart, i) for i in range(count)]

    vectors = code.loaded(rows(kinds[2], x, x_place, factors[0].shape[1]))
    for factor in factors:
        vectors = [code.total(row, vectors) for row in factor]
    if kinds[4] is not types.none:
        bias, at, base, slope = cgutils.unpack_tuple(builder, finish)
        added = code.loaded(rows(kinds[4].types[0], bias, at, 1)) * len(vectors)
        vectors = [builder.fadd(*pair) for pair in zip(vectors, added, strict=True)]
        if kinds[4].types[2] is not types.none:
            added = code.loaded(rows(kinds[4].types[2], base, place, len(vectors)))
            vectors = [builder.fadd(*pair) for pair in zip(vectors, added, strict=True)]
        slopes = everywhere(builder, slope, VECTOR)
        vectors = [bent(builder, vector, slopes) for vector in vectors]
    for vector, pointer in zip(vectors, rows(kinds[0], out, place, len(vectors)), strict=True):
        builder.store(vector, pointer, align=4)
    return context.get_dummy_value()


class _Combination:
    """Writes sums of vectors."""

    def __init__(self, builder: Any) -> None:
        self._builder = builder

    def pointer(self, data: Any, first: Any, apart: Any, row: int) -> Any:
        """Where a row begins."""
        b = self._builder
        at = b.add(first, b.mul(apart, LONG(row)))
        return b.bitcast(b.gep(data, [at]), VECTOR.as_pointer())

    def loaded(self, pointers: Sequence[Any]) -> list[Any]:
        """What lies there."""
        return [self._builder.load(pointer, align=4) for pointer in pointers]

    def total(self, weights: Matrix, vectors: Sequence[Any]) -> Any:
        """Weights times vectors, those of weight 1 and -1 first."""
        b, terms = self._builder, [(w, v) for w, v in zip(weights, vectors, strict=True) if w]
        terms.sort(key=lambda term: abs(term[0]) != 1)
        (weight, total), *others = terms
        if weight != 1:
            total = b.fmul(total, self._constant(weight))
        for weight, vector in others:
            if abs(weight) == 1:
                total = (b.fadd if weight > 0 else b.fsub)(total, vector)
            else:
                total = fused(b, vector, self._constant(weight), total)
        return total

    def _constant(self, weight: float) -> Any:
        return VECTOR([FLOAT(float(np.float32(weight)))] * ABREAST)
