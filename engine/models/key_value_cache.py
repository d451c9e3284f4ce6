"""What an autoregressive model remembers of the sequences that it decodes.

A row keeps its own length, so rows of any length decode together.
"""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor
from torch.nn import functional as F


class CacheSizes(Protocol):
    """The sizes of a model that its cache has to know."""

    @property
    def width(self) -> int:
        """Channels."""
        ...

    @property
    def heads(self) -> int:
        """Attention heads; `width` is a multiple."""
        ...

    @property
    def layers(self) -> int:
        """Layers with attention."""
        ...


class KeyValueCache:
    """Keys and values of up to `rows` sequences, one row each.

    Attributes:
        keys, values: [layers, rows, heads, capacity, head width].
        lengths: int64 [rows], positions filled; the first `live` rows are in use.
    """

    def __init__(self, config: CacheSizes, rows: int, capacity: int, like: Tensor) -> None:
        shape = (config.layers, rows, config.heads, capacity, config.width // config.heads)
        self.keys, self.values = like.new_zeros(shape), like.new_zeros(shape)
        self.lengths = torch.zeros(rows, dtype=torch.long, device=like.device)
        self.live = 0

    @property
    def capacity(self) -> int:
        """Positions that fit into a row now."""
        return self.keys.shape[3]

    def reserve(self, positions: int) -> None:
        """Make room for `positions` in every row, doubling so that growth is rare."""
        if positions <= self.capacity:
            return
        extra = max(positions, 2 * self.capacity) - self.capacity
        keys, values = F.pad(self.keys, (0, 0, 0, extra)), F.pad(self.values, (0, 0, 0, extra))
        self.keys, self.values = keys, values  # both, even if memory is short

    def remove(self, row: int) -> int:
        """Free `row`; the last live row moves into its place. Returns that row's old index."""
        last = self.live - 1
        if row != last:
            n = int(self.lengths[last])
            for tensor in (self.keys, self.values):
                tensor[:, row, :, :n] = tensor[:, last, :, :n]
            self.lengths[row] = self.lengths[last]
        self.live = last
        return last
