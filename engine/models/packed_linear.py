"""`nn.Linear` whose weight stays packed, for many rows at once."""

from __future__ import annotations

from functools import cache
from typing import Any

import torch
from numba import prange
from torch import Tensor, nn

from engine.models.kernel_parts import ONE, compiled
from engine.models.kernel_threads import numba_threads
from engine.models.panels import Projection, multiply


class PackedLinear(nn.Module):
    """One layer of a `Projection`, with `outputs` columns."""

    def __init__(self, packed: Projection, layer: int, outputs: int) -> None:
        super().__init__()
        self._packed, self._layer, self._outputs = packed, layer, outputs

    def forward(self, x: Tensor) -> Tensor:
        """Float32 [..., in] -> [..., out]."""
        rows = x.reshape(-1, x.shape[-1]).contiguous()
        out = torch.empty(len(rows), self._packed.bias.shape[1])
        with numba_threads(self._packed.weight[0].nbytes) as threads:
            _product(threads > 1)(self._packed, self._layer, rows.numpy(), out.numpy(), threads)
        return out[:, : self._outputs].view(*x.shape[:-1], -1)


@cache
def _product(parallel: bool) -> Any:
    def product(packed, layer, x, out, threads):  # type: ignore[no-untyped-def]
        weight, scale, bias = packed
        parts = threads if parallel else 1
        for part in prange(parts):
            multiply((weight, scale, bias), layer, x, out, ONE, part, parts)

    return compiled(product, parallel)
