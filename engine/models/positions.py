"""Where in a sequence a vector stands.

Reference: Vaswani et al., "Attention Is All You Need", arXiv:1706.03762, section 3.5.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn


class Position(nn.Module):
    """Sine positions scaled by a learnt `alpha`."""

    def __init__(self) -> None:
        super().__init__()
        self.alpha = nn.Parameter(torch.ones(1))

    def forward(self, x: Tensor, start: Tensor | int = 0) -> Tensor:
        """[B, T, D] plus the positions `start`.. (an int, or int64 [B])."""
        index = torch.arange(x.shape[1], device=x.device)
        index = index + (start[:, None] if isinstance(start, Tensor) else start)
        return x + self.alpha * sine_positions(index, x.shape[-1]).to(x.dtype)


def sine_positions(index: Tensor, width: int) -> Tensor:
    """Positions [...] -> interleaved sine and cosine, float32 [..., width]."""
    angle = index.float()[..., None] * frequencies(width, index.device)
    return torch.stack([angle.sin(), angle.cos()], dim=-1).flatten(-2)


def frequencies(width: int, device: torch.device) -> Tensor:
    """Radians per position of each pair of channels, float32 [width / 2]."""
    even = torch.arange(0, width, 2, device=device, dtype=torch.float32)
    return torch.exp(even * -(math.log(10000.0) / width))
