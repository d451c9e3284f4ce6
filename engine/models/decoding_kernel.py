"""One decoding step of a text-to-semantic model as machine code for the CPU that runs it.

A step reads every weight once, so it can be no faster than memory; a library call per layer and
operation makes it several times slower. Here numba compiles the whole step: five parallel loops a
layer, over the heads or over parts of the panels of a weight. The weights may be float32, float16
(as int16: numba has no other) or int8, with a scale for each output; activations and sums stay
float32. A row gets the same result whatever the number of threads and of other rows.

Inside of the loops whole arrays are indexed: numba counts the references to slices of them.
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple, Protocol, cast

import numpy as np
from numba import njit, prange
from numpy.typing import NDArray

from engine.models.kernel_parts import LINE, ONE, ZERO, compiled, fetch, lines
from engine.models.panels import Projection, multiply

EPSILON = np.float32(1e-5)  # of the layer norms
SOON = 16  # positions to fetch before they are needed


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


class Step(Protocol):
    """A compiled step."""

    def __call__(
        self,
        weights: Weights,
        places: Places,
        tokens: NDArray[np.int64],
        positions: NDArray[np.int64],
        threads: int,
    ) -> NDArray[np.float32]:
        """Tokens [B] and their audio positions [B] -> logits [B, V or more]; fills the caches.

        `threads` share the panels of a weight, in a step that is parallel.
        """
        ...


@cache
def decoding_step(head_width: int, parallel: bool) -> Step:
    """The step for heads of this width; compiled at its first call, then kept on disk.

    Only a `parallel` one uses the threads of numba; on one thread their calls cost a tenth.
    """

    def step(weights, places, tokens, positions, threads):  # type: ignore[no-untyped-def]
        embedding, in_proj, out_proj, norm1, linear1, linear2, norm2, head = weights
        keys, values, lengths = places
        w_in, s_in, b_in = in_proj
        w_out, s_out, b_out = out_proj
        w_1, s_1, b_1 = linear1
        w_2, s_2, b_2 = linear2
        w_head, s_head, b_head = head
        rows, (layers, _, width, _) = len(tokens), w_1.shape
        parts = threads if parallel else 1
        heads = width // head_width
        x = lines(rows, width)
        for b in range(rows):
            _embed(embedding, tokens[b], positions[b], x, b)
        qkv, hidden = lines(rows, b_in.shape[1]), lines(rows, b_1.shape[1])
        attended, y = lines(rows, width), lines(rows, b_out.shape[1])
        scores = np.empty((rows, heads, lengths.max() + 1), np.float32)
        logits = np.empty((rows, b_head.shape[1]), np.float32)
        for layer in range(layers):
            for part in prange(parts):
                multiply((w_in, s_in, b_in), layer, x, qkv, ONE, part, parts)
            for h in prange(heads):
                for b in range(rows):
                    _remember(qkv, keys[layer, b, h], values[layer, b, h], lengths[b], b, h, width)
                    _attend(
                        qkv[b], keys[layer, b, h], values[layer, b, h], lengths[b] + 1,
                        scores[b, h], attended[b], h * head_width, head_width,
                    )  # fmt: skip
            for part in prange(parts):
                multiply((w_out, s_out, b_out), layer, attended, y, ONE, part, parts)
            _add_and_norm(x, y, norm1.gain[layer], norm1.bias[layer])
            for part in prange(parts):
                multiply((w_1, s_1, b_1), layer, x, hidden, ZERO, part, parts)
            for part in prange(parts):
                multiply((w_2, s_2, b_2), layer, hidden, y, ONE, part, parts)
            _add_and_norm(x, y, norm2.gain[layer], norm2.bias[layer])
        for part in prange(parts):
            multiply((w_head, s_head, b_head), 0, x, logits, ONE, part, parts)
        return logits

    return cast(Step, compiled(step, parallel))


@njit(fastmath=True)
def _embed(embedding, token, position, x, b):  # type: ignore[no-untyped-def]
    """The vector of a token at a position into row `b` of `x`."""
    tokens, alpha, frequencies = embedding
    for i in range(len(frequencies)):
        angle = np.float32(position) * frequencies[i]
        x[b, 2 * i] = tokens[token, 2 * i] + alpha * np.sin(angle)
        x[b, 2 * i + 1] = tokens[token, 2 * i + 1] + alpha * np.cos(angle)


@njit(fastmath=True)
def _remember(qkv, keys, values, at, b, h, width):  # type: ignore[no-untyped-def]
    """Put the newest key and value of head `h` of row `b` into its caches [T, head width]."""
    head_width = keys.shape[1]
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
        for i in range(0, 4 * head_width, LINE // 4):
            fetch(keys, (t + SOON) * head_width + i)
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
        for i in range(0, 4 * head_width, LINE // 4):
            fetch(values, (t + SOON) * head_width + i)
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
        mean /= np.float32(width)
        for i in range(width):
            variance += (x[b, i] - mean) ** 2
        inverse = ONE / np.sqrt(variance / np.float32(width) + EPSILON)
        for i in range(width):
            x[b, i] = (x[b, i] - mean) * inverse * gain[i] + bias[i]
