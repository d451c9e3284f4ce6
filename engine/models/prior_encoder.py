"""The prior: semantic tokens, text and style -> mean and log deviation of the latents.

Reference: Kim, Kong and Son, "VITS", arXiv:2106.06103, section 2.2; the cross-attention over the
text (MRTE) follows Jiang et al., "Mega-TTS 2", arXiv:2307.07218, section 3.2.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from engine.models.attention import Encoder, EncoderConfig, MultiHeadAttention
from engine.models.masks import is_alone


@dataclass(frozen=True, slots=True)
class Prior:
    """The latents' distribution and its mask.

    Attributes:
        hidden: [B, C, T], what mean and log_std were projected from.
        mean, log_std: [B, C, T].
        mask: [B, 1, T].
    """

    hidden: Tensor
    mean: Tensor
    log_std: Tensor
    mask: Tensor


class TextCrossAttention(nn.Module):
    """Lets every content frame look at the text, and adds the style (MRTE).

    `packed` does it for single sentences where the weights are packed.
    """

    def __init__(self, channels: int, width: int, n_heads: int = 4) -> None:
        super().__init__()
        self.cross_attention = MultiHeadAttention(width, n_heads)
        self.c_pre = nn.Conv1d(channels, width, 1)
        self.text_pre = nn.Conv1d(channels, width, 1)
        self.c_post = nn.Conv1d(width, channels, 1)
        self.packed: Callable[[Tensor, Tensor, Tensor], Tensor] | None = None

    def forward(
        self, content: Tensor, mask: Tensor, text: Tensor, text_mask: Tensor, style: Tensor
    ) -> Tensor:
        """[B, C, T], [B, 1, T], [B, C, N], [B, 1, N], [B, width, 1] -> [B, C, T]."""
        if self.packed is not None and is_alone(mask, text_mask):
            return self.packed(content, text, style)
        pairs = text_mask.unsqueeze(2) * mask.unsqueeze(-1)  # [B, 1, T, N]
        x = self.c_pre(content * mask)
        x = self.cross_attention(x * mask, self.text_pre(text * text_mask) * text_mask, pairs) + x
        return self.c_post((x + style) * mask)

    def log_attention(self, content: Tensor, text: Tensor) -> Tensor:
        """Where frames [1, C, T] look in the text [1, C, N]: log of the weights, [1, H, T, N]."""
        return self.cross_attention.log_weights(self.c_pre(content), self.text_pre(text))


class PriorEncoder(nn.Module):
    """Encodes content and text apart, joins them, and projects to the prior.

    `packed` gives what is projected, and its projection, of single sentences where the weights are
    packed.
    """

    def __init__(
        self,
        config: EncoderConfig,
        content_dimension: int,
        symbols: int,
        mrte_channels: int,
        out_channels: int,
    ) -> None:
        super().__init__()
        half = replace(config, n_layers=config.n_layers // 2)
        self.ssl_proj = nn.Conv1d(content_dimension, config.channels, 1)
        self.encoder_ssl = Encoder(half)
        self.encoder_text = Encoder(config)
        self.text_embedding = nn.Embedding(symbols, config.channels)
        self.mrte = TextCrossAttention(config.channels, mrte_channels)
        self.encoder2 = Encoder(half)
        self.proj = nn.Conv1d(config.channels, 2 * out_channels, 1)
        self.packed: Callable[[Tensor, Tensor, Tensor], tuple[Tensor, Tensor]] | None = None

    def encode_text(self, phoneme_ids: Tensor, text_mask: Tensor) -> Tensor:
        """[B, N] -> [B, C, N]."""
        return self.encoder_text(self.text_embedding(phoneme_ids).mT * text_mask, text_mask)

    def forward(
        self,
        content: Tensor,
        mask: Tensor,
        text: Tensor,
        text_mask: Tensor,
        style: Tensor,
        speed: float = 1.0,
    ) -> Prior:
        """[B, D, T], [B, 1, T], [B, C, N], [B, 1, N], [B, width, 1] -> Prior of T frames.

        `text` is what `encode_text` gives. At another `speed`, T becomes int(T / speed) + 1.
        """
        projected = None
        if self.packed is not None and is_alone(mask, text_mask):
            y, projected = self.packed(content, text, style)
        else:
            y = self.encoder_ssl(self.ssl_proj(content * mask) * mask, mask)
            y = self.mrte(y, mask, text, text_mask, style)
            y = self.encoder2(y * mask, mask)
        if speed != 1:
            frames = int(y.shape[-1] / speed) + 1
            y, projected = F.interpolate(y, frames, mode="linear"), None
            mask = F.interpolate(mask, frames, mode="nearest")
        if projected is None:
            projected = self.proj(y) * mask
        mean, log_std = projected.chunk(2, dim=1)
        return Prior(y, mean, log_std, mask)

    def log_text_attention(self, content: Tensor, phoneme_ids: Tensor) -> Tensor:
        """Where the frames [1, D, T] of one sentence look among its phonemes [1, N].

        Log of the cross-attention's weights, [1, H, T, N].
        """
        mask, text_mask = torch.ones_like(content[:, :1]), torch.ones_like(content[:, :1, :1])
        text_mask = text_mask.expand(1, 1, phoneme_ids.shape[1])
        y = self.encoder_ssl(self.ssl_proj(content), mask)
        return self.mrte.log_attention(y, self.encode_text(phoneme_ids, text_mask))


def sample_latents(prior: Prior, noise: Tensor, noise_scale: float | Tensor) -> Tensor:
    """Draw latents [B, C, T] from the prior with standard normal `noise` of that shape.

    `noise_scale` is one for all rows, or [B, 1, 1].
    """
    return (prior.mean + noise * torch.exp(prior.log_std) * noise_scale) * prior.mask
