"""The VITS encoder: self-attention with windowed relative positions and convolutional FFN.

Reference: Kim, Kong and Son, "VITS", arXiv:2106.06103, section 2.5.1, and Shaw, Uszkoreit and
Vaswani, "Self-Attention with Relative Position Representations", arXiv:1803.02155.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from engine.models.masks import is_alone

MASKED_SCORE = -1e4  # large, but finite in half precision


@dataclass(frozen=True, slots=True)
class EncoderConfig:
    """Sizes of an encoder; `window` is how far relative positions are told apart."""

    channels: int
    filter_channels: int
    n_heads: int
    n_layers: int
    kernel_size: int
    dropout: float
    window: int = 4


class ChannelNorm(nn.Module):
    """Layer norm over the channels of [B, C, T]."""

    def __init__(self, channels: int, eps: float = 1e-5) -> None:
        super().__init__()
        self.gamma = nn.Parameter(torch.ones(channels))
        self.beta = nn.Parameter(torch.zeros(channels))
        self.eps = eps

    def forward(self, x: Tensor) -> Tensor:
        """[B, C, T] -> [B, C, T]."""
        y = F.layer_norm(x.mT, (x.shape[1],), self.gamma, self.beta, self.eps)
        return y.mT


class MultiHeadAttention(nn.Module):
    """Attention over time, from `x` to `context`; relative positions when `window` is given."""

    def __init__(
        self, channels: int, n_heads: int, dropout: float = 0.0, window: int | None = None
    ) -> None:
        super().__init__()
        self.n_heads, self.window = n_heads, window
        self.conv_q = nn.Conv1d(channels, channels, 1)
        self.conv_k = nn.Conv1d(channels, channels, 1)
        self.conv_v = nn.Conv1d(channels, channels, 1)
        self.conv_o = nn.Conv1d(channels, channels, 1)
        self.dropout = nn.Dropout(dropout)
        if window is not None:
            head = channels // n_heads
            shape = (1, 2 * window + 1, head)
            self.emb_rel_k = nn.Parameter(torch.randn(shape) * head**-0.5)
            self.emb_rel_v = nn.Parameter(torch.randn(shape) * head**-0.5)
        for conv in (self.conv_q, self.conv_k, self.conv_v):
            nn.init.xavier_uniform_(conv.weight)

    @property
    def query_scale(self) -> float:
        """What queries are multiplied by."""
        return float((self.conv_q.out_channels // self.n_heads) ** -0.5)

    def forward(self, x: Tensor, context: Tensor, mask: Tensor) -> Tensor:
        """[B, C, T], [B, C, S], mask [B, 1, T, S] -> [B, C, T]."""
        q = self._heads(self.conv_q(x)) * self.query_scale
        k, v = self._heads(self.conv_k(context)), self._heads(self.conv_v(context))
        scores = q @ k.mT  # [B, H, T, S]
        if self.window is not None:
            scores = scores + self._to_absolute(q @ self.emb_rel_k[0].mT)
        weights = F.softmax(scores.masked_fill(mask == 0, MASKED_SCORE), dim=-1)
        weights = self.dropout(weights)
        out = weights @ v
        if self.window is not None:
            out = out + self._to_relative(weights) @ self.emb_rel_v[0]
        return self.conv_o(out.mT.reshape(x.shape))

    def log_weights(self, x: Tensor, context: Tensor) -> Tensor:
        """Where `x` [B, C, T] looks in `context` [B, C, S]: log of the weights, [B, H, T, S].

        For modules without relative positions and sequences without padding.
        """
        q = self._heads(self.conv_q(x)) * self.query_scale
        return F.log_softmax(q @ self._heads(self.conv_k(context)).mT, dim=-1)

    def _heads(self, x: Tensor) -> Tensor:
        """[B, C, T] -> [B, H, T, C/H]."""
        b, c, t = x.shape
        return x.view(b, self.n_heads, c // self.n_heads, t).mT

    def _offsets(self, length: int, device: torch.device) -> tuple[Tensor, Tensor]:
        """Index [T, T] of each pair's relative position, and whether it is in the window."""
        assert self.window is not None
        at = torch.arange(length, device=device)
        offset = at[None, :] - at[:, None] + self.window
        return offset.clamp(0, 2 * self.window), (offset >= 0) & (offset <= 2 * self.window)

    def _to_absolute(self, relative: Tensor) -> Tensor:
        """[B, H, T, 2w+1] scores per offset -> [B, H, T, T], zero outside the window."""
        t = relative.shape[2]
        index, inside = self._offsets(t, relative.device)
        absolute = relative.gather(3, index.expand(*relative.shape[:2], t, t))
        return absolute * inside

    def _to_relative(self, weights: Tensor) -> Tensor:
        """[B, H, T, T] -> [B, H, T, 2w+1], the weight at each offset in the window."""
        assert self.window is not None
        t = weights.shape[2]
        at = torch.arange(t, device=weights.device)
        source = at[:, None] + torch.arange(-self.window, self.window + 1, device=weights.device)
        inside = (source >= 0) & (source < t)
        index = source.clamp(0, t - 1).expand(*weights.shape[:3], 2 * self.window + 1)
        return weights.gather(3, index) * inside


class ConvFeedForward(nn.Module):
    """Two convolutions of odd width with a ReLU between them."""

    def __init__(self, channels: int, filter_channels: int, kernel_size: int, dropout: float):
        super().__init__()
        pad = kernel_size // 2
        self.conv_1 = nn.Conv1d(channels, filter_channels, kernel_size, padding=pad)
        self.conv_2 = nn.Conv1d(filter_channels, channels, kernel_size, padding=pad)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """[B, C, T], mask [B, 1, T] -> [B, C, T]."""
        h = self.dropout(torch.relu(self.conv_1(x * mask)))
        return self.conv_2(h * mask) * mask


class Encoder(nn.Module):
    """A stack of post-norm attention and feed-forward layers.

    `packed` does it for single sentences [1, C, T] where the weights are packed.
    """

    def __init__(self, config: EncoderConfig) -> None:
        super().__init__()
        c, layers = config.channels, range(config.n_layers)
        self.drop = nn.Dropout(config.dropout)
        self.attn_layers = nn.ModuleList(
            MultiHeadAttention(c, config.n_heads, config.dropout, config.window) for _ in layers
        )
        self.norm_layers_1 = nn.ModuleList(ChannelNorm(c) for _ in layers)
        self.ffn_layers = nn.ModuleList(
            ConvFeedForward(c, config.filter_channels, config.kernel_size, config.dropout)
            for _ in layers
        )
        self.norm_layers_2 = nn.ModuleList(ChannelNorm(c) for _ in layers)
        self.packed: Callable[[Tensor], Tensor] | None = None

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """[B, C, T], mask [B, 1, T] -> [B, C, T]."""
        if self.packed is not None and is_alone(mask):
            return self.packed(x)
        pairs = mask.unsqueeze(2) * mask.unsqueeze(3)  # [B, 1, T, T]
        x = x * mask
        layers = zip(
            self.attn_layers, self.norm_layers_1, self.ffn_layers, self.norm_layers_2, strict=True
        )
        for attention, norm_1, feed_forward, norm_2 in layers:
            x = norm_1(x + self.drop(attention(x, x, pairs)))
            x = norm_2(x + self.drop(feed_forward(x, mask)))
        return x * mask
