"""`nn.Linear` whose weight stays packed, for many rows at once."""

from __future__ import annotations

from functools import cache
from typing import Any

import torch
from torch import Tensor, nn

from engine.models.kernel_parts import ONE, compiled
from engine.models.kernel_threads import share
from engine.models.panels import Projection, multiply, share_of


class PackedLinear(nn.Module):
    """One layer of a `Projection`, with `outputs` columns."""

    def __init__(self, packed: Projection, layer: int, outputs: int) -> None:
        super().__init__()
        self._packed, self._layer, self._outputs = packed, layer, outputs

    def forward(self, x: Tensor) -> Tensor:
        """Float32 [..., in] -> [..., out]."""
        rows = x.reshape(-1, x.shape[-1]).contiguous()
        out = torch.empty(len(rows), self._packed.bias.shape[1])
        share(
            _product(), self._packed.weight[0].nbytes, self._packed, self._layer, rows.numpy(),
            out.numpy(),
        )  # fmt: skip
        return out[:, : self._outputs].view(*x.shape[:-1], -1)


@cache
def _product() -> Any:
    def product(packed, layer, x, out, met, part, parts):  # type: ignore[no-untyped-def]
        weight, scale, bias = packed
        some = share_of(weight.shape[1], part, parts)
        multiply((weight, scale, bias), layer, x, out, ONE, some)

    return compiled(product)
