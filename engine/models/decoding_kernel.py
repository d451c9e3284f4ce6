"""One decoding step of a text-to-semantic model as machine code for the CPU that runs it.

A step reads every weight once, so it can be no faster than memory; a library call per layer and
operation makes it several times slower. Here numba compiles the whole step: four parallel loops a
layer, each thread a part of the heads or of the rows of a weight matrix. The weights may be
float32, float16 (as int16: numba has no other) or int8, with a scale for each row; activations
and sums stay float32. A row of the batch gets the same result whatever the number of threads.

Arrays are indexed and not sliced inside of the loops: numba counts references to slices.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import cache, partial
from typing import Any, NamedTuple, cast

import numpy as np
from numba import njit, prange, types
from numba.extending import overload
from numpy.typing import NDArray

logger = logging.getLogger(__name__)

ONE, ZERO, SHORT = np.float32(1), np.float32(0), np.float32(2.0**112)
EPSILON = np.float32(1e-5)  # of the layer norms


class Projection(NamedTuple):
    """The linear layers of one kind, of all layers.

    Attributes:
        weight: float32, the bits of float16 as int16, or int8; [layers, out, in].
        scale: what the rows are to be multiplied by, float32 [layers, out].
        bias: float32 [layers, out].
    """

    weight: NDArray[Any]
    scale: NDArray[np.float32]
    bias: NDArray[np.float32]


class Norm(NamedTuple):
    """The layer norms of one kind, of all layers: float32 [layers, D] each."""

    gain: NDArray[np.float32]
    bias: NDArray[np.float32]


class Embedding(NamedTuple):
    """Tokens [V, D], how loud the positions are, and their frequencies [D / 2]; all float32."""

    tokens: NDArray[np.float32]
    alpha: np.float32
    frequencies: NDArray[np.float32]


class Weights(NamedTuple):
    """All that a step reads; `head` has one layer."""

    embedding: Embedding
    in_proj: Projection
    out_proj: Projection
    norm1: Norm
    linear1: Projection
    linear2: Projection
    norm2: Norm
    head: Projection


class Places(NamedTuple):
    """Where the rows of a batch are: keys and values of all layers, and positions filled [B]."""

    keys: NDArray[np.float32]  # [layers, rows, heads, capacity, head width]
    values: NDArray[np.float32]
    lengths: NDArray[np.int64]


Step = Callable[[Weights, Places, NDArray[np.int64], NDArray[np.int64]], NDArray[np.float32]]
"""Weights, places, tokens [B] and their audio positions [B] -> logits [B, V]; fills the caches."""


@cache
def decoding_step(head_width: int) -> Step:
    """The step for heads of this width; compiled at its first call, then kept on disk."""

    def step(weights, places, tokens, positions):  # type: ignore[no-untyped-def]
        embedding, in_proj, out_proj, norm1, linear1, linear2, norm2, head = weights
        keys, values, lengths = places
        w_in, s_in, b_in = in_proj
        w_out, s_out, b_out = out_proj
        w_1, s_1, b_1 = linear1
        w_2, s_2, b_2 = linear2
        w_head, s_head, b_head = head
        rows, (layers, inner, width) = len(tokens), w_1.shape
        heads = width // head_width
        x = np.empty((rows, width), np.float32)
        for b in range(rows):
            _embed(embedding, tokens[b], positions[b], x, b)
        qkv = np.empty((rows, 3 * width), np.float32)
        attended, y = np.empty_like(x), np.empty_like(x)
        hidden = np.empty((rows, inner), np.float32)
        scores = np.empty((rows, heads, lengths.max() + 1), np.float32)
        logits = np.empty((rows, w_head.shape[1]), np.float32)
        for layer in range(layers):
            for h in prange(heads):
                for part in range(0, 3 * width, width):
                    for r in range(part + h * head_width, part + (h + 1) * head_width):
                        _multiply(w_in[layer], s_in[layer], b_in[layer], x, qkv, r)
                for b in range(rows):
                    _remember(qkv, keys[layer, b, h], values[layer, b, h], lengths[b], b, h)
                    _attend(
                        qkv[b], keys[layer, b, h], values[layer, b, h], lengths[b] + 1,
                        scores[b, h], attended[b], h * head_width, head_width,
                    )  # fmt: skip
            for r in prange(width):
                _multiply(w_out[layer], s_out[layer], b_out[layer], attended, y, r)
            _add_and_norm(x, y, norm1.gain[layer], norm1.bias[layer])
            for r in prange(inner):
                _multiply(w_1[layer], s_1[layer], b_1[layer], x, hidden, r)
                for b in range(rows):
                    hidden[b, r] = max(hidden[b, r], ZERO)
            for r in prange(width):
                _multiply(w_2[layer], s_2[layer], b_2[layer], hidden, y, r)
            _add_and_norm(x, y, norm2.gain[layer], norm2.bias[layer])
        for r in prange(w_head.shape[1]):
            _multiply(w_head[0], s_head[0], b_head[0], x, logits, r)
        return logits

    compiled = partial(njit, parallel=True, fastmath=True, nogil=True)
    try:
        return cast(Step, compiled(cache=True)(step))
    except RuntimeError as error:  # numba's word for: no folder of ours can be written
        logger.info("the decoding step is compiled anew in every process: %s", error)
        return cast(Step, compiled()(step))


@njit(fastmath=True)
def _embed(embedding, token, position, x, b):  # type: ignore[no-untyped-def]
    """The vector of a token at a position into row `b` of `x`."""
    tokens, alpha, frequencies = embedding
    for i in range(len(frequencies)):
        angle = np.float32(position) * frequencies[i]
        x[b, 2 * i] = tokens[token, 2 * i] + alpha * np.sin(angle)
        x[b, 2 * i + 1] = tokens[token, 2 * i + 1] + alpha * np.cos(angle)


def _plain(w: Any) -> Any:
    """A weight as float32; `_plain_of_type` has the code."""
    raise NotImplementedError


@overload(_plain, jit_options={"fastmath": True})
def _plain_of_type(w: Any) -> Callable[[Any], Any]:
    """The code for a weight's type.

    Of a float16, in the bits of an int16, exponent and fraction move to where float32 has them;
    the exponent is then short by 127 - 15.
    """

    def from_half(w: Any) -> Any:
        bits = np.int32(np.int64(w) << 13) & np.int32(-0x70000001)
        return np.int32(bits).view(np.float32) * SHORT

    def from_other(w: Any) -> Any:
        return np.float32(w)

    return from_half if w == types.int16 else from_other


@njit(fastmath=True)
def _multiply(weight, scale, bias, x, out, r):  # type: ignore[no-untyped-def]
    """Row `r` of a weight times every row of `x`: one column of `out`, four rows at a time."""
    rows, width = x.shape
    full = rows - rows % 4
    for b in range(0, full, 4):
        s0, s1, s2, s3 = ZERO, ZERO, ZERO, ZERO
        for k in range(width):
            w = _plain(weight[r, k])
            s0 += w * x[b, k]
            s1 += w * x[b + 1, k]
            s2 += w * x[b + 2, k]
            s3 += w * x[b + 3, k]
        out[b, r] = s0 * scale[r] + bias[r]
        out[b + 1, r] = s1 * scale[r] + bias[r]
        out[b + 2, r] = s2 * scale[r] + bias[r]
        out[b + 3, r] = s3 * scale[r] + bias[r]
    for b in range(full, rows):
        s0 = ZERO
        for k in range(width):
            s0 += _plain(weight[r, k]) * x[b, k]
        out[b, r] = s0 * scale[r] + bias[r]


@njit(fastmath=True)
def _remember(qkv, keys, values, at, b, h):  # type: ignore[no-untyped-def]
    """Put the newest key and value of head `h` of row `b` into its caches [T, head width]."""
    head_width = keys.shape[1]
    width = qkv.shape[1] // 3
    for i in range(head_width):
        keys[at, i] = qkv[b, width + h * head_width + i]
        values[at, i] = qkv[b, 2 * width + h * head_width + i]


@njit(fastmath=True, inline="always")
def _attend(query, keys, values, length, scores, out, at, head_width):  # type: ignore[no-untyped-def]
    """Attention of one head over `length` positions, from and into `head_width` places at `at`.

    The head's width is a constant where this is inlined: its loops become single instructions.
    """
    scale = ONE / np.sqrt(np.float32(head_width))
    best = np.float32(-3e38)
    full = length - length % 4
    for t in range(0, full, 4):  # one at a time would be gathered from memory
        s0, s1, s2, s3 = ZERO, ZERO, ZERO, ZERO
        for i in range(head_width):
            q = query[at + i]
            s0 += keys[t, i] * q
            s1 += keys[t + 1, i] * q
            s2 += keys[t + 2, i] * q
            s3 += keys[t + 3, i] * q
        scores[t], scores[t + 1] = s0 * scale, s1 * scale
        scores[t + 2], scores[t + 3] = s2 * scale, s3 * scale
    for t in range(full, length):
        s0 = ZERO
        for i in range(head_width):
            s0 += keys[t, i] * query[at + i]
        scores[t] = s0 * scale
    for t in range(length):
        best = max(best, scores[t])
    total = ZERO
    for t in range(length):
        scores[t] = _exp(scores[t] - best)
        total += scores[t]
    for i in range(head_width):
        out[at + i] = ZERO
    for t in range(0, full, 4):
        s0, s1, s2, s3 = scores[t], scores[t + 1], scores[t + 2], scores[t + 3]
        for i in range(head_width):
            near, far = s0 * values[t, i] + s1 * values[t + 1, i], s2 * values[t + 2, i]
            out[at + i] += near + far + s3 * values[t + 3, i]
    for t in range(full, length):
        for i in range(head_width):
            out[at + i] += scores[t] * values[t, i]
    for i in range(head_width):
        out[at + i] /= total


@njit(fastmath=True, inline="always")
def _exp(x):  # type: ignore[no-untyped-def]
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


@njit(fastmath=True)
def _add_and_norm(x, y, gain, bias):  # type: ignore[no-untyped-def]
    """Add `y` to `x` [B, D] and normalize every row, in place."""
    rows, width = x.shape
    for b in range(rows):
        mean, variance = ZERO, ZERO
        for i in range(width):
            x[b, i] += y[b, i]
            mean += x[b, i]
        mean /= width
        for i in range(width):
            variance += (x[b, i] - mean) ** 2
        inverse = ONE / np.sqrt(variance / width + EPSILON)
        for i in range(width):
            x[b, i] = (x[b, i] - mean) * inverse * gain[i] + bias[i]
