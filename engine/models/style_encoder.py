"""The reference spectrogram's style: timbre and manner as one vector.

Reference: Min, Lee, Yang and Hwang, "Meta-StyleSpeech", arXiv:2106.03153, section 3.1.

Differs from the paper: attention is scaled by the model's width, not the head's, and has no norm
(checkpoint compatibility).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F


@dataclass(frozen=True, slots=True)
class ReferenceFormat:
    """The magnitude spectrogram that a style encoder reads: its rate, frames and lowest bins."""

    sample_rate_hz: int
    n_fft: int
    hop_samples: int
    bins: int


class _Linear(nn.Module):
    """A linear layer under the checkpoints' extra name `fc`."""

    def __init__(self, n_in: int, n_out: int) -> None:
        super().__init__()
        self.fc = nn.Linear(n_in, n_out)

    def forward(self, x: Tensor) -> Tensor:
        """[..., in] -> [..., out]."""
        return self.fc(x)


class _Conv(nn.Module):
    def __init__(self, n_in: int, n_out: int, kernel_size: int) -> None:
        super().__init__()
        self.conv = nn.Conv1d(n_in, n_out, kernel_size, padding=kernel_size // 2)


class GatedConv(nn.Module):
    """A convolution with a gated linear unit and a residual."""

    def __init__(self, channels: int, kernel_size: int, dropout: float) -> None:
        super().__init__()
        self.conv1 = _Conv(channels, 2 * channels, kernel_size)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        """[B, C, T] -> [B, C, T]."""
        return x + self.dropout(F.glu(self.conv1.conv(x), dim=1))


class StyleAttention(nn.Module):
    """Two-headed self-attention with a residual."""

    def __init__(self, channels: int, n_heads: int = 2, dropout: float = 0.0) -> None:
        super().__init__()
        self.n_heads = n_heads
        self.w_qs = nn.Linear(channels, channels)
        self.w_ks = nn.Linear(channels, channels)
        self.w_vs = nn.Linear(channels, channels)
        self.fc = nn.Linear(channels, channels)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, inside: Tensor) -> Tensor:
        """[B, T, C], inside bool [B, T] -> [B, T, C]."""
        b, t, c = x.shape
        q, k, v = (w(x).view(b, t, self.n_heads, -1).transpose(1, 2) for w in self._projections)
        scores = (q @ k.mT / math.sqrt(c)).masked_fill(~inside[:, None, None, :], -torch.inf)
        out = self.dropout(scores.softmax(-1)) @ v
        return x + self.dropout(self.fc(out.transpose(1, 2).reshape(b, t, c)))

    @property
    def _projections(self) -> tuple[nn.Linear, nn.Linear, nn.Linear]:
        return self.w_qs, self.w_ks, self.w_vs


class StyleEncoder(nn.Module):
    """Spectrogram [B, bins, T] -> style embedding [B, gin, 1]."""

    def __init__(self, bins: int, hidden: int, gin_channels: int, dropout: float = 0.1) -> None:
        super().__init__()
        self.spectral = nn.Sequential(
            _Linear(bins, hidden),
            nn.Mish(),
            nn.Dropout(dropout),
            _Linear(hidden, hidden),
            nn.Mish(),
            nn.Dropout(dropout),
        )
        self.temporal = nn.Sequential(*(GatedConv(hidden, 5, dropout) for _ in range(2)))
        self.slf_attn = StyleAttention(hidden, dropout=dropout)
        self.fc = _Linear(hidden, gin_channels)

    def forward(self, spectrogram: Tensor, mask: Tensor | None = None) -> Tensor:
        """[B, bins, T], mask [B, 1, T] -> [B, gin, 1], the mean over the frames inside."""
        x = spectrogram.mT
        inside = torch.ones_like(x[..., 0]) if mask is None else mask[:, 0]  # [B, T]
        x = self.temporal(self.spectral(x).mT).mT * inside[..., None]
        x = self.fc(self.slf_attn(x, inside > 0)) * inside[..., None]
        return (x.sum(1) / inside.sum(1, keepdim=True)).unsqueeze(-1)
