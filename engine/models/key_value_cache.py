"""What an autoregressive model remembers of the sequences that it decodes.

A row keeps its own length, so rows of any length decode together.
"""

from __future__ import annotations

from dataclasses import dataclass
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


@dataclass(frozen=True, slots=True, eq=False)
class Window:
    """The first rows and positions of a cache, as views of it.

    Attributes:
        keys, values: [layers, R, heads, T, head width].
        lengths: int64 [R], positions filled; all less than T.
    """

    keys: Tensor
    values: Tensor
    lengths: Tensor


class KeyValueCache:
    """Keys and values of up to `rows` sequences, one row each.

    Attributes:
        keys, values: [layers, rows, heads, capacity, head width].
        lengths: int64 [rows], positions filled; the first `live` rows are in use, others have 0.
        filled: the same numbers where the host can read them without waiting for a device.
    """

    def __init__(self, config: CacheSizes, rows: int, capacity: int, like: Tensor) -> None:
        shape = (config.layers, rows, config.heads, capacity, config.width // config.heads)
        self.keys, self.values = like.new_zeros(shape), like.new_zeros(shape)
        self.lengths = torch.zeros(rows, dtype=torch.long, device=like.device)
        self.filled = rows * [0]
        self.live = 0

    @property
    def capacity(self) -> int:
        """Positions that fit into a row now."""
        return self.keys.shape[3]

    @property
    def longest(self) -> int:
        """How many positions the longest live row has."""
        return max(self.filled[: self.live])

    def window(self, rows: int, positions: int) -> Window:
        """The first `rows` and `positions`."""
        keys, values = self.keys[:, :rows, :, :positions], self.values[:, :rows, :, :positions]
        return Window(keys, values, self.lengths[:rows])

    def reserve(self, positions: int) -> None:
        """Make room for `positions` in every row, doubling so that growth is rare."""
        if positions <= self.capacity:
            return
        extra = max(positions, 2 * self.capacity) - self.capacity
        keys, values = F.pad(self.keys, (0, 0, 0, extra)), F.pad(self.values, (0, 0, 0, extra))
        self.keys, self.values = keys, values  # both, even if memory is short

    def append(self, keys: Tensor, values: Tensor) -> None:
        """Fill the next row, which there is room for, with as much as is given.

        Both are [layers, heads, T, head width].
        """
        row, total = self.live, keys.shape[2]
        self.keys[:, row, :, :total] = keys
        self.values[:, row, :, :total] = values
        self.live += 1
        self.resize(row, total)

    def resize(self, row: int, length: int) -> None:
        """Note how many positions of a row are filled."""
        self.lengths[row] = length
        self.filled[row] = length

    def remove(self, row: int) -> int:
        """Free `row`; the last live row moves into its place. Returns that row's old index."""
        last = self.live - 1
        if row != last:
            n = self.filled[last]
            for tensor in (self.keys, self.values):
                tensor[:, row, :, :n] = tensor[:, last, :, :n]
            self.resize(row, n)
        self.shrink(last)
        return last

    def shrink(self, rows: int) -> None:
        """Free all rows from `rows` on."""
        for row in range(rows, self.live):
            self.resize(row, 0)
        self.live = rows
