"""The velocity network of flow matching: a diffusion transformer over mel frames.

References: Peebles and Xie, "Scalable Diffusion Models with Transformers", arXiv 2212.09748;
Chen et al., "F5-TTS", arXiv 2410.06885;
Frans et al., "One Step Diffusion via Shortcut Models", arXiv 2410.12557 (step size as input).

Differs from F5-TTS: rotary positions reach the first head only, as released checkpoints were
trained.
"""

from __future__ import annotations

from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from engine.models.dit_embeddings import (
    DitConfig,
    InputEmbedding,
    RotaryEmbedding,
    TextEmbedding,
    TimestepEmbedding,
)


class JointAttention(nn.Module):
    """Self-attention over all frames."""

    def __init__(self, config: DitConfig) -> None:
        super().__init__()
        channels = config.channels
        self.heads = config.heads
        self.to_q = nn.Linear(channels, channels)
        self.to_k = nn.Linear(channels, channels)
        self.to_v = nn.Linear(channels, channels)
        self.to_out = nn.Sequential(nn.Linear(channels, channels))

    def forward(self, x: Tensor, mask: Tensor, rotation: tuple[Tensor, Tensor]) -> Tensor:
        """Return [B, T, C] of `x` [B, T, C]; `mask` bool [B, T] is true inside the rows."""
        query = self._split(_rotate(self.to_q(x), rotation))
        key = self._split(_rotate(self.to_k(x), rotation))
        value = self._split(self.to_v(x))
        attended = F.scaled_dot_product_attention(query, key, value, mask[:, None, None, :])
        merged = self.to_out(attended.transpose(1, 2).flatten(2))
        return cast(Tensor, merged * mask.unsqueeze(-1))

    def _split(self, x: Tensor) -> Tensor:
        return x.unflatten(2, (self.heads, -1)).transpose(1, 2)  # [B, H, T, C / H]


class FeedForward(nn.Module):
    """Two layers with a tanh-approximated GELU."""

    def __init__(self, config: DitConfig) -> None:
        super().__init__()
        inner = config.channels * config.ff_factor
        enter = nn.Sequential(nn.Linear(config.channels, inner), nn.GELU(approximate="tanh"))
        self.ff = nn.Sequential(enter, nn.Identity(), nn.Linear(inner, config.channels))

    def forward(self, x: Tensor) -> Tensor:
        """Return [B, T, C] of `x` [B, T, C]."""
        return cast(Tensor, self.ff(x))


class AdaptiveNorm(nn.Module):
    """A linear map of the time vector to `parts` shifts, scales and gates."""

    def __init__(self, channels: int, parts: int) -> None:
        super().__init__()
        self.parts = parts
        self.linear = nn.Linear(channels, channels * parts)

    def forward(self, time: Tensor) -> tuple[Tensor, ...]:
        """Return `parts` vectors [B, 1, C] of `time` [B, C]."""
        return cast(Tensor, self.linear(F.silu(time))).unsqueeze(1).chunk(self.parts, dim=-1)


class DitBlock(nn.Module):
    """Attention and feed-forward, each scaled, shifted and gated by the time vector."""

    def __init__(self, config: DitConfig) -> None:
        super().__init__()
        self.attn_norm = AdaptiveNorm(config.channels, 6)
        self.attn = JointAttention(config)
        self.ff = FeedForward(config)

    def forward(
        self, x: Tensor, time: Tensor, mask: Tensor, rotation: tuple[Tensor, Tensor]
    ) -> Tensor:
        """Return [B, T, C] of `x` [B, T, C] and `time` [B, C]."""
        shift, scale, gate, ff_shift, ff_scale, ff_gate = self.attn_norm(time)
        x = x + gate * self.attn(_norm(x) * (1 + scale) + shift, mask, rotation)
        return x + ff_gate * cast(Tensor, self.ff(_norm(x) * (1 + ff_scale) + ff_shift))


class DiffusionTransformer(nn.Module):
    """Velocity of mel frames at a time of the flow, for a step of given size."""

    def __init__(self, config: DitConfig) -> None:
        super().__init__()
        self.time_embed = TimestepEmbedding(config.channels)
        self.d_embed = TimestepEmbedding(config.channels)
        self.text_embed = TextEmbedding(config)
        self.input_embed = InputEmbedding(config)
        self.rotary_embed = RotaryEmbedding(config.channels // config.heads)
        self.transformer_blocks = nn.ModuleList(DitBlock(config) for _ in range(config.depth))
        self.norm_out = AdaptiveNorm(config.channels, 2)
        self.proj_out = nn.Linear(config.channels, config.mels)

    def forward(
        self,
        mel: Tensor,
        prompt: Tensor,
        text: Tensor,
        mask: Tensor,
        time: Tensor,
        *,
        apart: bool = False,
    ) -> Tensor:
        """Return the velocity [B, M, T].

        Args:
            mel: [B, M, T], the frames at this time of the flow.
            prompt: [B, M, T], known frames, zeros elsewhere.
            text: [B, T, D], from `text_embed`; it does not change along the flow.
            mask: bool [B, T], true inside each row's length.
            time: [B, C], from `embed_time`.
            apart: let nothing beyond a row's length reach the row; released inference, whose rows
                are of one length, has no need of it.
        """
        inside = mask.unsqueeze(-1).to(mel.dtype) if apart else None
        x = self.input_embed(mel.mT, prompt.mT, text, inside)
        rotation = self.rotary_embed(x.shape[1])
        for block in self.transformer_blocks:
            x = block(x, time, mask, rotation)
        scale, shift = self.norm_out(time)
        return cast(Tensor, self.proj_out(_norm(x) * (1 + scale) + shift)).mT

    def embed_time(self, time: Tensor, step: Tensor) -> Tensor:
        """Return [B, C] of `time` [B] in [0, 1) and the `step` [B] that will be taken."""
        return cast(Tensor, self.time_embed(time) + self.d_embed(step))


def _norm(x: Tensor) -> Tensor:
    return F.layer_norm(x, x.shape[-1:], eps=1e-6)


def _rotate(x: Tensor, rotation: tuple[Tensor, Tensor]) -> Tensor:
    """Rotate the first channels of `x` [B, T, C] in neighbouring pairs; leave the others."""
    cosine, sine = (part.to(x.dtype) for part in rotation)
    turned, rest = x[..., : cosine.shape[-1]], x[..., cosine.shape[-1] :]
    even, odd = turned[..., 0::2], turned[..., 1::2]
    quarter = torch.stack((-odd, even), dim=-1).flatten(-2)
    return torch.cat((turned * cosine + quarter * sine, rest), dim=-1)
