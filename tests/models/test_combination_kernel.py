"""Combinations of rows whose numbers are part of the code."""

from __future__ import annotations

import numpy as np
import pytest
from numba import njit

from engine.models.combination_kernel import ABREAST, Matrix, combination, ways
from engine.models.minimal_filtering import filtering

MATRICES = pytest.mark.parametrize(
    "matrix",
    [
        filtering(3).samples,
        filtering(11).samples,
        filtering(7).outputs,
        np.array([[1, 2, 3], [1, -2, 3], [0, 1, 0], [-1, 1, 0]]),
    ],
    ids=["8 points", "11 points", "back to 5", "others"],
)


@MATRICES
def test_every_way_is_the_matrix(matrix: Matrix) -> None:
    for factors in ways(matrix):
        product = np.eye(matrix.shape[1])
        for factor in factors:
            product = factor @ product
        np.testing.assert_allclose(product, matrix, atol=1e-12)


@MATRICES
def test_the_code_combines_rows_as_the_matrix_does(matrix: Matrix) -> None:
    combine, rows = combination(matrix), matrix.shape[1]
    random = np.random.default_rng(1)
    x = random.standard_normal((rows, 2 * ABREAST)).astype(np.float32)
    bias = random.standard_normal((1, ABREAST)).astype(np.float32)
    base = random.standard_normal((len(matrix), ABREAST)).astype(np.float32)
    plain, finished = np.zeros_like(base), np.zeros_like(base)

    @njit
    def run(x, plain, finished, bias, base):  # type: ignore[no-untyped-def]
        source, slope = (ABREAST, 2 * ABREAST), np.float32(0.25)
        combine(plain, (0, ABREAST), x, source, None)
        combine(finished, (0, ABREAST), x, source, (bias, 0, base, slope))

    run(x, plain, finished, bias, base)
    expected = matrix @ x[:, ABREAST:].astype(np.float64)
    np.testing.assert_allclose(plain, expected, atol=1e-4)
    expected = expected + bias + base
    np.testing.assert_allclose(finished, np.maximum(expected, expected / 4), atol=1e-4)
