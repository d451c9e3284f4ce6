"""`nn.Linear` whose weight stays packed, for many rows at once.

Blocks of a weight stay in the second cache while blocks of the input that fit into the first pass
by, so nothing is ever unpacked in memory.
"""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple

import numpy as np
import torch
from numba import prange
from numpy.typing import NDArray
from torch import Tensor, nn

from engine.models.kernel_parts import compiled, multiply_rows
from engine.models.kernel_threads import numba_threads

WEIGHT_ROWS = 64
INPUT_BYTES = 32 << 10


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


class PackedLinear(nn.Module):
    """One layer of a `Projection`."""

    def __init__(self, packed: Projection, layer: int) -> None:
        super().__init__()
        self._packed, self._layer = packed, layer

    def forward(self, x: Tensor) -> Tensor:
        """Float32 [..., in] -> [..., out]."""
        rows = x.reshape(-1, x.shape[-1]).contiguous()
        out = torch.empty(len(rows), self._packed.weight.shape[1])
        with numba_threads(self._packed.weight[0].nbytes) as threads:
            _product(threads > 1)(self._packed, self._layer, rows.numpy(), out.numpy(), threads)
        return out.view(*x.shape[:-1], -1)


@cache
def _product(parallel: bool) -> Any:
    def product(packed, layer, x, out, threads):  # type: ignore[no-untyped-def]
        weight, scale, bias = packed
        most = max(4, INPUT_BYTES // (4 * x.shape[1]) // 4 * 4)
        parts = threads if parallel else 1
        for part in prange(parts):
            end = weight.shape[1] * (part + 1) // parts
            for first in range(weight.shape[1] * part // parts, end, WEIGHT_ROWS):
                last = min(first + WEIGHT_ROWS, end)
                for b in range(0, len(x), most):
                    rows, places = x[b : b + most], out[b : b + most]
                    multiply_rows(weight, scale, bias, layer, rows, places, first, last)

    return compiled(product, parallel)
