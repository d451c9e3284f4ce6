"""Kernels of a decoding step for GPUs, compiled by Triton.

A step for one row is as long as its kernels are many, so each does what follows from what it has
read: products take their norm in front and the rest behind, attention fills the cache. Sums, norms
and weights of attention are float32 whatever the tensors are. Matrices are contiguous.

With OVERLAP a kernel starts before the last one has ended and reads weights meanwhile
("programmatic dependent launch", compute capability 9.0): until it has waited it may read only
what never changes, and write nothing.
"""

from __future__ import annotations

import triton
import triton.language as tl
from triton.language.extra.cuda import gdc_launch_dependents, gdc_wait


@triton.jit
def embed(
    tokens, positions, table, alpha, frequencies, out,
    WIDTH: tl.constexpr, BLOCK: tl.constexpr, OVERLAP: tl.constexpr,
):  # fmt: skip
    """The vector of each row's token at its position: `table` [V, D] and sine positions."""
    row = tl.program_id(0)
    d = tl.arange(0, BLOCK)
    frequency = tl.load(frequencies + d // 2, mask=d < WIDTH, other=0.0)
    loud = tl.load(alpha).to(tl.float32)
    _begin(OVERLAP)
    token, position = tl.load(tokens + row), tl.load(positions + row)
    angle = position.to(tl.float32) * frequency
    place = tl.where(d % 2 == 0, tl.sin(angle), tl.cos(angle))
    x = tl.load(table + token * WIDTH + d, mask=d < WIDTH, other=0.0).to(tl.float32)
    tl.store(out + row * WIDTH + d, x + loud * place, mask=d < WIDTH)


@triton.jit
def row_linear(
    x, gain, shift, epsilon, normed, weight, bias, residual, out,
    OUT: tl.constexpr, WIDTH: tl.constexpr, RELU: tl.constexpr, BLOCK_N: tl.constexpr,
    BLOCK_K: tl.constexpr, OVERLAP: tl.constexpr,
):  # fmt: skip
    """A linear layer of one row [K], into `out` [N]; every weight [N, K] is read once, all at once.

    With a `gain` the row is normalized first, and kept in `normed`; a `residual` [N] is added last.
    """
    n = tl.program_id(0) * BLOCK_N + tl.arange(0, BLOCK_N)
    k = tl.arange(0, BLOCK_K)
    w = tl.load(
        weight + n[:, None] * WIDTH + k[None, :],
        mask=(n < OUT)[:, None] & (k < WIDTH)[None, :],
        other=0.0,
    )
    if gain is not None:
        loud, more = _affine(gain, shift, k, WIDTH)
    if bias is not None:
        offset = tl.load(bias + n, mask=n < OUT, other=0.0).to(tl.float32)
    _begin(OVERLAP)
    row = tl.load(x + k[None, :], mask=(k < WIDTH)[None, :], other=0.0).to(tl.float32)
    if gain is not None:
        mean, inverse = _statistics(row, k, epsilon, WIDTH)
        row = (row - mean) * inverse * loud + more
        if tl.program_id(0) == 0:
            tl.store(normed + k[None, :], row, mask=(k < WIDTH)[None, :])
    sums = tl.sum(row * w.to(tl.float32), axis=1)
    if bias is not None:
        sums += offset
    if RELU:
        sums = tl.maximum(sums, 0.0)
    if residual is not None:
        sums += tl.load(residual + n, mask=n < OUT, other=0.0).to(tl.float32)
    tl.store(out + n, sums, mask=n < OUT)


@triton.jit
def attend(
    qkv, keys, values, lengths, out, row_stride, head_stride, scale,
    WIDTH: tl.constexpr, HEAD: tl.constexpr, BLOCK_W: tl.constexpr, BLOCK_T: tl.constexpr,
    OVERLAP: tl.constexpr,
):  # fmt: skip
    """Put the newest key and value of a row and head behind its others, and attend to them all.

    `qkv` is [R, 3 D]; the caches are [R, H, T, W], whose last two axes are contiguous. Each place
    of a block has a softmax of its own, over every BLOCK_T-th position; they meet in the end.
    """
    row, head = tl.program_id(0), tl.program_id(1)
    w, places = tl.arange(0, BLOCK_W), tl.arange(0, BLOCK_T)
    within = w < HEAD
    cache = row.to(tl.int64) * row_stride + head * head_stride
    _begin(OVERLAP)
    length = tl.load(lengths + row).to(tl.int32)
    at = qkv + row * (3 * WIDTH) + head * HEAD + w
    kind = keys.dtype.element_ty
    q = tl.load(at, mask=within, other=0.0).to(tl.float32) * scale
    key = tl.load(at + WIDTH, mask=within, other=0.0).to(kind)
    value = tl.load(at + 2 * WIDTH, mask=within, other=0.0).to(kind)
    tl.store(keys + cache + length * HEAD + w, key, mask=within)
    tl.store(values + cache + length * HEAD + w, value, mask=within)
    own = tl.sum(q * key.to(tl.float32), axis=0)
    best = tl.zeros([BLOCK_T], tl.float32) + own
    total = tl.zeros([BLOCK_T], tl.float32)
    sums = tl.zeros([BLOCK_T, BLOCK_W], tl.float32)
    for start in range(0, length, BLOCK_T):
        t = start + places
        there = (t < length)[:, None] & within[None, :]
        offsets = t[:, None] * HEAD + w[None, :]
        k = tl.load(keys + cache + offsets, mask=there, other=0.0).to(tl.float32)
        v = tl.load(values + cache + offsets, mask=there, other=0.0).to(tl.float32)
        scores = tl.where(t < length, tl.sum(k * q[None, :], axis=1), float("-inf"))
        higher = tl.maximum(best, scores)
        fading, share = tl.exp(best - higher), tl.exp(scores - higher)
        total = total * fading + share
        sums = sums * fading[:, None] + share[:, None] * v
        best = higher
    highest = tl.max(best, axis=0)
    share, alone = tl.exp(best - highest), tl.exp(own - highest)
    attended = tl.sum(sums * share[:, None], axis=0) + alone * value.to(tl.float32)
    attended = attended / (tl.sum(total * share, axis=0) + alone)
    tl.store(out + row * WIDTH + head * HEAD + w, attended, mask=within)


@triton.jit
def add_and_norm(
    x, added, gain, shift, epsilon, out,
    WIDTH: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """Normalize the sum of two rows [D] each."""
    row, d = tl.program_id(0), tl.arange(0, BLOCK)[None, :]
    k = tl.arange(0, BLOCK)
    loud, more = _affine(gain, shift, k, WIDTH)
    y = tl.load(x + row * WIDTH + d, mask=d < WIDTH, other=0.0).to(tl.float32)
    y += tl.load(added + row * WIDTH + d, mask=d < WIDTH, other=0.0).to(tl.float32)
    mean, inverse = _statistics(y, k, epsilon, WIDTH)
    tl.store(out + row * WIDTH + d, (y - mean) * inverse * loud + more, mask=d < WIDTH)


@triton.jit
def _begin(OVERLAP: tl.constexpr):
    """Let the next kernel begin, and wait for what those before this one write."""
    if OVERLAP:
        gdc_launch_dependents()
        gdc_wait()


@triton.jit
def _statistics(x, k, epsilon, WIDTH: tl.constexpr):
    """Mean and inverse deviation, [R, 1] each, of rows [R, K] that are zero from WIDTH on."""
    mean = tl.sum(x, axis=1, keep_dims=True) / WIDTH
    off = tl.where((k < WIDTH)[None, :], x - mean, 0.0)
    variance = tl.sum(off * off, axis=1, keep_dims=True) / WIDTH
    return mean, 1.0 / tl.sqrt(variance + epsilon)


@triton.jit
def _affine(gain, shift, k, WIDTH: tl.constexpr):
    """What columns `k` of normalized rows are scaled and moved by, [1, K] each; 0 from WIDTH on."""
    loud = tl.load(gain + k, mask=k < WIDTH, other=0.0).to(tl.float32)
    more = tl.load(shift + k, mask=k < WIDTH, other=0.0).to(tl.float32)
    return loud[None, :], more[None, :]
