"""The acoustic decoder of v3 and v4: semantic tokens to mel frames by flow matching.

The prior encoder of v2 gives features at the mel rate; `ConditionalFlow` turns noise into mels
under them, continuing the reference's own mels. A vocoder of its own makes the waveform.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from engine.models.attention import EncoderConfig
from engine.models.cfm import ConditionalFlow
from engine.models.dit_embeddings import DitConfig
from engine.models.masks import length_mask
from engine.models.prior_encoder import PriorEncoder
from engine.models.quantizer import Quantizer
from engine.models.style_encoder import ReferenceFormat, StyleEncoder
from engine.models.wavenet import WaveNet


@dataclass(frozen=True, slots=True)
class FlowMatchingConfig:
    """Sizes of the decoder.

    `frames_per_latent` is how many mel frames a latent frame (50 Hz) makes; `frames_per_token`
    limits the features by the number of semantic tokens.
    """

    symbols: int
    encoder: EncoderConfig
    frames_per_latent: float
    frames_per_token: float
    inter_channels: int = 192
    gin_channels: int = 512
    reference_bins: int = 704
    content_dimension: int = 768
    codes: int = 1024
    style_channels: int = 128
    reference_rate_hz: int = 32000
    filter_length: int = 2048
    hop_length: int = 640
    dit: DitConfig = field(default_factory=DitConfig)

    @property
    def reference(self) -> ReferenceFormat:
        """What the style encoder reads of a reference."""
        return ReferenceFormat(
            self.reference_rate_hz, self.filter_length, self.hop_length, self.reference_bins
        )

    @classmethod
    def from_released(
        cls, config: Mapping[str, Any], *, symbols: int, is_v4: bool, dit: DitConfig | None = None
    ) -> FlowMatchingConfig:
        """Read the `config` that lies in a released `.pth` (as a plain mapping).

        It does not state the sizes of the flow's network: `dit` None takes the published ones.
        """
        model, data = config["model"], config["data"]
        return cls(
            symbols=symbols,
            encoder=EncoderConfig(
                model["hidden_channels"],
                model["filter_channels"],
                model["n_heads"],
                model["n_layers"],
                model["kernel_size"],
                model["p_dropout"],
            ),
            frames_per_latent=2.0 if is_v4 else 1.875,
            frames_per_token=4.0 if is_v4 else 3.875,
            inter_channels=model["inter_channels"],
            gin_channels=model["gin_channels"],
            reference_rate_hz=data["sampling_rate"],
            filter_length=data["filter_length"],
            hop_length=data["hop_length"],
            dit=dit or DitConfig(),
        )


class FeatureEncoder(nn.Module):
    """A WaveNet under the style, at the mel rate."""

    def __init__(self, channels: int, gin_channels: int, layers: int = 8) -> None:
        super().__init__()
        self.pre = nn.Conv1d(channels, channels, 1)
        self.enc = WaveNet(channels, 5, layers, gin_channels)
        self.proj = nn.Conv1d(channels, channels, 1)

    def forward(self, x: Tensor, mask: Tensor, style_embedding: Tensor) -> Tensor:
        """Return [B, C, T] of `x` [B, C, T], mask [B, 1, T] and style [B, gin, 1]."""
        hidden = self.enc(self.pre(x) * mask, mask, style_embedding)
        return cast(Tensor, self.proj(hidden) * mask)


class FlowMatchingDecoder(nn.Module):
    """Quantizer, prior encoder, style encoder and flow under the released state-dict keys."""

    def __init__(self, config: FlowMatchingConfig) -> None:
        super().__init__()
        self.config = config
        c, text, gin = config, config.dit.text_channels, config.gin_channels
        self.enc_p = PriorEncoder(c.encoder, c.content_dimension, c.symbols, gin, c.inter_channels)
        self.ref_enc = StyleEncoder(c.reference_bins, c.style_channels, gin)
        self.ssl_proj = nn.Conv1d(c.content_dimension, c.content_dimension, 2, stride=2)
        self.quantizer = Quantizer(c.codes, c.content_dimension)
        self.bridge = nn.Sequential(nn.Conv1d(c.inter_channels, text, 1), nn.LeakyReLU())
        self.wns1 = FeatureEncoder(text, gin)
        self.linear_mel = nn.Conv1d(text, c.dit.mels, 1)  # trained beside, never read
        self.cfm = ConditionalFlow(c.dit)

    def extract_semantic_tokens(self, hubert_features: Tensor) -> Tensor:
        """Return codes int64 [B, T // 2] of `hubert_features` [B, D, T] at 50 Hz."""
        return self.quantizer.encode(self.ssl_proj(hubert_features))

    def mean_style(self, references: Sequence[Tensor]) -> Tensor:
        """Return the style embedding [1, gin, 1] of spectrograms [1, bins, T_i], averaged."""
        bins = self.config.reference_bins
        return torch.stack([self.ref_enc(spec[:, :bins]) for spec in references]).mean(0)

    def features(
        self,
        semantic_tokens: Tensor,
        phoneme_ids: Tensor,
        style_embedding: Tensor,
        speed: float = 1.0,
    ) -> Tensor:
        """Return features [1, D, T] at the mel rate of one sentence.

        Args:
            semantic_tokens: int64 [1, N] at 25 Hz.
            phoneme_ids: int64 [1, P].
            style_embedding: [1, gin, 1].
        """
        content = self.quantizer.decode(semantic_tokens).repeat_interleave(2, dim=2)
        mask = torch.ones_like(content[:, :1])
        text_mask = torch.ones_like(phoneme_ids[:, None], dtype=content.dtype)
        text = self.enc_p.encode_text(phoneme_ids, text_mask)
        prior = self.enc_p(content, mask, text, text_mask, style_embedding, speed)
        scale = self.config.frames_per_latent
        x = F.interpolate(self.bridge(prior.hidden), scale_factor=scale, mode="nearest")
        inside = self._frames_inside(semantic_tokens.shape[1], speed)
        lengths = torch.tensor([inside], device=x.device)
        frame_mask = length_mask(lengths, x.shape[-1]).to(x.dtype)
        return cast(Tensor, self.wns1(x, frame_mask, style_embedding))

    def _frames_inside(self, tokens: int, speed: float) -> int:
        """Frames that are not masked; at another speed, the last ones may be."""
        frames = tokens * self.config.frames_per_token
        return int(frames) if speed == 1 else int(frames / speed) + 1
