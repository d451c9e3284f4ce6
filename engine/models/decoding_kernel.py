"""One decoding step of a text-to-semantic model as machine code for the CPU that runs it.

A step reads every weight once, so it can be no faster than memory; a library call per layer and
operation makes it several times slower. Here numba compiles the whole step, which several threads
do together: each has its own heads and its own panels of every weight, and they meet four times a
layer. The weights may be float32, float16 (as int16: numba has no other) or int8, with a scale for
each output, and the caches float32 or float16; activations and sums stay float32. A row gets the
same result whatever the number of threads and of other rows.

Inside of the loops whole arrays are indexed: numba counts the references to slices of them.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine.models.kernel_parts import (
    LINE,
    ONE,
    ZERO,
    Norm,
    add_and_norm,
    compiled,
    exponential,
    fetch,
    inlined,
    inner,
    lines,
    narrow,
    wide,
)
from engine.models.kernel_threads import meet
from engine.models.panels import Projection, multiply, share_of

SOON = 32  # positions to fetch before they are needed


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
    """Where the rows of a batch are: keys and values of all layers, and positions filled [B].

    Keys and values are float32 or the bits of float16 as int16.
    """

    keys: NDArray[Any]  # [layers, rows, heads, capacity, head width]
    values: NDArray[Any]
    lengths: NDArray[np.int64]


class Room(NamedTuple):
    """Where a step of B rows puts what its parts share; all float32."""

    attended: NDArray[np.float32]  # [B, D]
    hidden: NDArray[np.float32]  # [B, inner]
    added: NDArray[np.float32]  # [B, D or more], the last layer's outcome
    scores: NDArray[np.float32]  # [B, heads, positions]
    logits: NDArray[np.float32]  # [B, V or more]


@cache
def decoding_step(head_width: int) -> Callable[..., None]:
    """The step for heads of this width; compiled at its first call, then kept on disk.

    (weights, places, tokens [B], their audio positions [B], room, met, part, parts): fills the
    caches and `room.logits`. See `kernel_threads.share`.
    """

    def step(weights, places, tokens, positions, room, met, part, parts):  # type: ignore[no-untyped-def]
        embedding, in_proj, out_proj, norm1, linear1, linear2, norm2, head = weights
        keys, values, lengths = places
        attended, hidden, added, scores, logits = room
        w_in, s_in, b_in = in_proj
        w_out, s_out, b_out = out_proj
        w_1, s_1, b_1 = linear1
        w_2, s_2, b_2 = linear2
        w_head, s_head, b_head = head
        rows, (layers, _, width, lanes) = len(tokens), w_1.shape
        heads = share_of(width // head_width, part, parts)
        first, last = heads[0] * head_width, heads[1] * head_width
        inner, outer = share_of(w_1.shape[1], part, parts), share_of(w_2.shape[1], part, parts)
        one_head, one_row = keys[0, 0, 0].size, keys[0, 0].size
        times = 0
        x, qkv = lines(rows, width), lines(rows, b_in.shape[1])  # every part has its own
        for b in range(rows):
            _embed(embedding, tokens[b], positions[b], x, b)
        for layer in range(layers):
            for kind in range(3):
                some = (
                    (kind * width + first) // lanes, (kind * width + last + lanes - 1) // lanes
                )  # fmt: skip
                multiply((w_in, s_in, b_in), layer, x, qkv, ONE, some)
            for h in range(heads[0], heads[1]):
                for b in range(rows):
                    next_at = one_head if rows == 1 else one_row
                    _remember(qkv, keys[layer, b, h], values[layer, b, h], lengths[b], b, h, width)
                    _attend(
                        qkv[b], keys[layer, b, h], values[layer, b, h], lengths[b] + 1,
                        next_at, scores[b, h], attended[b], h * head_width, head_width,
                    )  # fmt: skip
            meet(met, times + 1, parts)
            multiply((w_out, s_out, b_out), layer, attended, added, ONE, outer)
            meet(met, times + 2, parts)
            add_and_norm(x, added, norm1.gain[layer], norm1.bias[layer])
            multiply((w_1, s_1, b_1), layer, x, hidden, ZERO, inner)
            meet(met, times + 3, parts)
            multiply((w_2, s_2, b_2), layer, hidden, added, ONE, outer)
            meet(met, times + 4, parts)
            add_and_norm(x, added, norm2.gain[layer], norm2.bias[layer])
            times += 4
        multiply(
            (w_head, s_head, b_head), 0, x, logits, ONE, share_of(w_head.shape[1], part, parts)
        )

    return compiled(step)


@inner
def _embed(embedding, token, position, x, b):  # type: ignore[no-untyped-def]
    """The vector of a token at a position into row `b` of `x`."""
    tokens, alpha, frequencies = embedding
    for i in range(len(frequencies)):
        angle = np.float32(position) * frequencies[i]
        x[b, 2 * i] = tokens[token, 2 * i] + alpha * np.sin(angle)
        x[b, 2 * i + 1] = tokens[token, 2 * i + 1] + alpha * np.cos(angle)


@inner
def _remember(qkv, keys, values, at, b, h, width):  # type: ignore[no-untyped-def]
    """Put the newest key and value of head `h` of row `b` into its caches [T, head width]."""
    head_width = keys.shape[1]
    for i in range(head_width):
        keys[at, i] = narrow(qkv[b, width + h * head_width + i], keys[at, i])
        values[at, i] = narrow(qkv[b, 2 * width + h * head_width + i], values[at, i])


@inlined
def _attend(query, keys, values, length, next_at, scores, out, at, head_width):  # type: ignore[no-untyped-def]
    """Attention of one head over `length` positions, from and into `head_width` places at `at`.

    `next_at` is how far behind these the keys are that will be read next.
    The head's width is a constant where this is inlined: its loops become single instructions.
    """
    scale = ONE / np.sqrt(np.float32(head_width))
    best = np.float32(-3e38)
    full = length - length % 4
    for t in range(0, full, 4):  # one at a time would be gathered from memory
        soon = (t + SOON) * head_width
        for i in range(soon, soon + 4 * head_width, LINE // keys.itemsize):
            if t + SOON < full:
                fetch(keys, i)
            else:
                fetch(values, i - full * head_width)
        s0, s1, s2, s3 = ZERO, ZERO, ZERO, ZERO
        for i in range(head_width):
            q = query[at + i]
            s0 += wide(keys[t, i]) * q
            s1 += wide(keys[t + 1, i]) * q
            s2 += wide(keys[t + 2, i]) * q
            s3 += wide(keys[t + 3, i]) * q
        scores[t], scores[t + 1] = s0 * scale, s1 * scale
        scores[t + 2], scores[t + 3] = s2 * scale, s3 * scale
    for t in range(full, length):
        s0 = ZERO
        for i in range(head_width):
            s0 += wide(keys[t, i]) * query[at + i]
        scores[t] = s0 * scale
    for t in range(length):
        best = max(best, scores[t])
    total = ZERO
    for t in range(length):
        scores[t] = exponential(scores[t] - best)
        total += scores[t]
    for i in range(head_width):
        out[at + i] = ZERO
    for t in range(0, full, 4):
        soon = (t + SOON) * head_width
        for i in range(soon, soon + 4 * head_width, LINE // keys.itemsize):
            if t + SOON < full:
                fetch(values, i)
            else:
                fetch(keys, next_at + i - full * head_width)
        s0, s1, s2, s3 = scores[t], scores[t + 1], scores[t + 2], scores[t + 3]
        for i in range(head_width):
            near = s0 * wide(values[t, i]) + s1 * wide(values[t + 1, i])
            far = s2 * wide(values[t + 2, i]) + s3 * wide(values[t + 3, i])
            out[at + i] += near + far
    for t in range(full, length):
        for i in range(head_width):
            out[at + i] += scores[t] * wide(values[t, i])
    for i in range(head_width):
        out[at + i] /= total
