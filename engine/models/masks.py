"""Masks for padded batches."""

from __future__ import annotations

import torch
from torch import Tensor


def length_mask(lengths: Tensor, longest: int) -> Tensor:
    """Return float32 [B, 1, longest]: 1 where a position lies inside its row's length [B]."""
    positions = torch.arange(longest, device=lengths.device)
    return (positions[None, :] < lengths[:, None]).float().unsqueeze(1)
