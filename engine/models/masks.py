"""Masks for padded batches."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F


def length_mask(lengths: Tensor, longest: int) -> Tensor:
    """Return float32 [B, 1, longest]: 1 where a position lies inside its row's length [B]."""
    positions = torch.arange(longest, device=lengths.device)
    return (positions[None, :] < lengths[:, None]).float().unsqueeze(1)


def is_alone(*masks: Tensor) -> bool:
    """Whether masks [B, 1, T_i] are of one row without padding."""
    return len(masks[0]) == 1 and all(bool(mask.all()) for mask in masks)


def padded(rows: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
    """Rows [1, ..., T_i] with zeros behind them, [B, ..., T], and their mask [B, 1, T]."""
    longest = max(row.shape[-1] for row in rows)
    missing = [longest - row.shape[-1] for row in rows]
    whole = (F.pad(row, (0, n)) if n else row for row, n in zip(rows, missing, strict=True))
    batch = torch.cat([*whole])
    lengths = torch.tensor([row.shape[-1] for row in rows], device=batch.device)
    return batch, length_mask(lengths, longest)
