"""The convolution of a HiFi-GAN for GPUs, compiled by Triton.

One kernel does what surrounds a convolution as well: it bends the samples that it reads, treats
those outside of a row as silence, and adds the bias, the residual and the sum of other blocks.
Sound is [B, T, C] and contiguous. Sums are float32; products of float32 are those of TF32, as in
PyTorch's convolutions.
"""

from __future__ import annotations

import triton
import triton.language as tl


@triton.jit(do_not_specialize=["samples", "per_frame", "taps", "dilation", "bias_stride"])
def convolve(
    x, weight, bias, residual, others, out, lengths,
    samples, per_frame, taps, dilation, bias_stride, slope,
    IN: tl.constexpr, OUT: tl.constexpr,
    BLOCK_T: tl.constexpr, BLOCK_IN: tl.constexpr, BLOCK_OUT: tl.constexpr,
):  # fmt: skip
    """[B, T, IN] -> [B, T, OUT] of the same length, by weights [taps, IN, OUT] of odd width.

    A row has `lengths` [B] frames of `per_frame` samples; what is behind becomes zero. Negative
    samples are scaled by `slope` when they are read. `bias` is [OUT] or [B, OUT].
    """
    row = tl.program_id(2).to(tl.int64)
    t = tl.program_id(0) * BLOCK_T + tl.arange(0, BLOCK_T)
    n = tl.program_id(1) * BLOCK_OUT + tl.arange(0, BLOCK_OUT)
    length = tl.load(lengths + row).to(tl.int32) * per_frame
    sums = tl.zeros([BLOCK_T, BLOCK_OUT], tl.float32)
    if tl.program_id(0) * BLOCK_T < length:
        chunks: tl.constexpr = (IN + BLOCK_IN - 1) // BLOCK_IN
        for step in range(taps * chunks):
            tap = step // chunks
            c = (step % chunks) * BLOCK_IN + tl.arange(0, BLOCK_IN)
            at = t + (tap - taps // 2) * dilation
            there = ((at >= 0) & (at < length))[:, None] & (c < IN)[None, :]
            a = tl.load(x + (row * samples + at[:, None]) * IN + c[None, :], mask=there, other=0.0)
            a = tl.where(a < 0, a * slope, a).to(weight.dtype.element_ty)
            known = (c < IN)[:, None] & (n < OUT)[None, :]
            w = tl.load(weight + (tap * IN + c)[:, None] * OUT + n[None, :], mask=known, other=0.0)
            sums = tl.dot(a, w, sums)
    place = (row * samples + t[:, None]) * OUT + n[None, :]
    spoken = (t < length)[:, None] & (n < OUT)[None, :]
    offset = tl.load(bias + row * bias_stride + n, mask=n < OUT, other=0.0)
    sums += offset.to(tl.float32)[None, :]
    if residual is not None:
        sums += tl.load(residual + place, mask=spoken, other=0.0).to(tl.float32)
    if others is not None:
        sums += tl.load(others + place, mask=spoken, other=0.0).to(tl.float32)
    room = (t < samples)[:, None] & (n < OUT)[None, :]
    tl.store(out + place, tl.where(spoken, sums, 0.0), mask=room)
