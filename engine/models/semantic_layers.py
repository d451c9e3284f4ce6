"""The layers of the autoregressive model, for whole sequences and for one position at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class _SelfAttention(nn.Module):
    """Projections of one layer, under the keys of `nn.MultiheadAttention`.

    `packed_in_proj` stands in for the first of them where its weights are packed.
    """

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.packed_in_proj: nn.Module | None = None
        self.in_proj_weight = nn.Parameter(torch.empty(3 * width, width))
        self.in_proj_bias = nn.Parameter(torch.zeros(3 * width))
        out_proj = nn.Linear(width, width)
        nn.init.zeros_(out_proj.bias)
        self.out_proj: nn.Module = out_proj
        nn.init.xavier_uniform_(self.in_proj_weight)

    def project(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """[B, T, D] -> queries, keys and values, each [B, H, T, D/H]."""
        b, t, d = x.shape
        if self.packed_in_proj is None:
            qkv = F.linear(x, self.in_proj_weight, self.in_proj_bias)
        else:
            qkv = self.packed_in_proj(x)
        q, k, v = qkv.view(b, t, 3, self.heads, d // self.heads).permute(2, 0, 3, 1, 4)
        return q, k, v

    def attend(self, q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None) -> Tensor:
        """[B, H, T, D/H] -> [B, T, D]; `mask` is true where attention is allowed."""
        out = F.scaled_dot_product_attention(q, k, v, attn_mask=mask)
        return self.out_proj(out.transpose(1, 2).flatten(2))


class CachePlaces(NamedTuple):
    """Where a step writes and reads: rows [B], their lengths [B], and a mask [B, 1, 1, T]."""

    rows: Tensor
    lengths: Tensor
    mask: Tensor


class Layer(nn.Module):
    """A post-norm transformer layer."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.self_attn = _SelfAttention(width, heads)
        self.linear1: nn.Module = nn.Linear(width, 4 * width)
        self.linear2: nn.Module = nn.Linear(4 * width, width)
        self.norm1 = nn.LayerNorm(width)
        self.norm2 = nn.LayerNorm(width)

    def finish(self, x: Tensor, attended: Tensor) -> Tensor:
        """Residuals, norms and the feed-forward after attention, [B, T, D]."""
        x = self.norm1(x + attended)
        return self.norm2(x + self.linear2(F.relu(self.linear1(x))))

    def step(self, x: Tensor, keys: Tensor, values: Tensor, at: CachePlaces) -> Tensor:
        """One position [B, 1, D] of every row, after those in the caches [B, H, T, W]."""
        q, k, v = self.self_attn.project(x)
        keys[at.rows, :, at.lengths] = k[:, :, 0]
        values[at.rows, :, at.lengths] = v[:, :, 0]
        return self.finish(x, self.self_attn.attend(q, keys, values, at.mask))


class Stack(nn.Module):
    """The layers, all of one size."""

    def __init__(self, layers: int, width: int, heads: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(Layer(width, heads) for _ in range(layers))

    def __iter__(self) -> Iterator[Layer]:
        """The layers, in order."""
        return (cast(Layer, layer) for layer in self.layers)

    @property
    def like(self) -> Tensor:
        """A tensor of the kind that flows through the layers."""
        return cast(Layer, self.layers[0]).norm1.weight


LayerStep = Callable[[Layer, Tensor, Tensor, Tensor, CachePlaces], Tensor]
"""Does what `Layer.step` does."""
