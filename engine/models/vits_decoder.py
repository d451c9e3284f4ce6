"""The acoustic decoder of v1, v2, v2Pro and v2ProPlus: semantic tokens and text to a waveform.

Reference: Kim, Kong and Son, "VITS", arXiv:2106.06103.

Differs from the paper: the prior reads semantic tokens beside the text, so that no alignment is
searched, and the speaker is the style of a reference spectrogram.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from engine.models.attention import EncoderConfig
from engine.models.flow import Flow
from engine.models.hifigan import HifiGan, HifiGanConfig
from engine.models.posterior_encoder import PosteriorEncoder
from engine.models.prior_encoder import Prior, PriorEncoder, sample_latents
from engine.models.quantizer import Quantizer
from engine.models.style_encoder import ReferenceFormat, StyleEncoder

FRAMES_PER_TOKEN = 2  # tokens come at 25 Hz, latents at 50 Hz


@dataclass(frozen=True, slots=True)
class VitsConfig:
    """Sizes of the acoustic decoder.

    `reference_bins` is how many of the spectrogram's bins the style encoder reads;
    `speaker_dimension` is the width of the speaker embedding, 0 for bundles without one.
    """

    sample_rate_hz: int
    filter_length: int
    hop_length: int
    symbols: int
    reference_bins: int
    encoder: EncoderConfig
    hifigan: HifiGanConfig
    inter_channels: int
    gin_channels: int
    mrte_channels: int = 512
    content_dimension: int = 768
    codes: int = 1024
    style_channels: int = 128
    posterior_layers: int = 16
    speaker_dimension: int = 0

    @property
    def spectrogram_bins(self) -> int:
        """Bins of the linear spectrogram."""
        return self.filter_length // 2 + 1

    @property
    def reference(self) -> ReferenceFormat:
        """What the style encoder reads of a reference."""
        return ReferenceFormat(
            self.sample_rate_hz, self.filter_length, self.hop_length, self.reference_bins
        )

    @classmethod
    def from_released(
        cls, config: Mapping[str, Any], *, symbols: int, uses_speaker: bool
    ) -> VitsConfig:
        """Read the `config` that lies in a released `.pth` (as a plain mapping)."""
        model, data = config["model"], config["data"]
        gin = model["gin_channels"]
        return cls(
            sample_rate_hz=data["sampling_rate"],
            filter_length=data["filter_length"],
            hop_length=data["hop_length"],
            symbols=symbols,
            reference_bins=data["filter_length"] // 2 + 1 if symbols == 322 else 704,
            encoder=EncoderConfig(
                model["hidden_channels"],
                model["filter_channels"],
                model["n_heads"],
                model["n_layers"],
                model["kernel_size"],
                model["p_dropout"],
            ),
            hifigan=HifiGanConfig(
                in_channels=model["inter_channels"],
                initial_channels=model["upsample_initial_channel"],
                upsample_rates=tuple(model["upsample_rates"]),
                upsample_kernel_sizes=tuple(model["upsample_kernel_sizes"]),
                resblock_kernel_sizes=tuple(model["resblock_kernel_sizes"]),
                resblock_dilations=tuple(tuple(d) for d in model["resblock_dilation_sizes"]),
                gin_channels=gin,
            ),
            inter_channels=model["inter_channels"],
            gin_channels=gin,
            speaker_dimension=20480 if uses_speaker else 0,
        )


class VitsDecoder(nn.Module):
    """Quantizer, prior, flow, vocoder and style encoder under the released state-dict keys."""

    enc_q: nn.Module  # in training only

    def __init__(self, config: VitsConfig, *, training_parts: bool = False) -> None:
        super().__init__()
        self.config = config
        c, hidden = config, config.encoder.channels
        self.enc_p = PriorEncoder(
            c.encoder, c.content_dimension, c.symbols, c.mrte_channels, c.inter_channels
        )
        self.dec = HifiGan(c.hifigan)
        if training_parts:
            self.enc_q = PosteriorEncoder(
                c.spectrogram_bins, hidden, c.inter_channels, c.gin_channels, c.posterior_layers
            )
        self.flow = Flow(c.inter_channels, hidden, c.gin_channels)
        self.ref_enc = StyleEncoder(c.reference_bins, c.style_channels, c.gin_channels)
        self.ssl_proj = nn.Conv1d(c.content_dimension, c.content_dimension, 2, stride=2)
        self.quantizer = Quantizer(c.codes, c.content_dimension)
        if c.speaker_dimension:
            self.sv_emb = nn.Linear(c.speaker_dimension, c.gin_channels)
            self.ge_to512 = nn.Linear(c.gin_channels, c.mrte_channels)
            self.prelu = nn.PReLU(num_parameters=c.gin_channels)

    def extract_semantic_tokens(self, hubert_features: Tensor) -> Tensor:
        """[B, D, T] at 50 Hz -> codes, int64 [B, T // 2]."""
        return self.quantizer.encode(self.ssl_proj(hubert_features))

    def style(
        self,
        reference_spectrogram: Tensor,
        mask: Tensor | None = None,
        speaker_embedding: Tensor | None = None,
    ) -> Tensor:
        """[B, bins, T], mask [B, 1, T], [B, S] -> style embedding [B, gin, 1]."""
        bins = self.config.reference_bins
        style = self.ref_enc(reference_spectrogram[:, :bins], mask)
        if self.config.speaker_dimension:
            style = self.prelu(style + self.sv_emb(speaker_embedding).unsqueeze(-1))
        return style

    def mean_style(
        self, references: Sequence[Tensor], speaker_embeddings: Sequence[Tensor] = ()
    ) -> Tensor:
        """Average the styles of several references [1, bins, T_i] -> [1, gin, 1]."""
        speakers: Sequence[Tensor | None] = speaker_embeddings or [None] * len(references)
        styles = [
            self.style(reference, None, speaker)
            for reference, speaker in zip(references, speakers, strict=True)
        ]
        return torch.stack(styles).mean(0)

    def text_style(self, style_embedding: Tensor) -> Tensor:
        """The style as the prior's cross-attention adds it, [B, mrte, 1]."""
        if self.config.speaker_dimension:
            return self.ge_to512(style_embedding.mT).mT
        return style_embedding

    def content(self, semantic_tokens: Tensor) -> Tensor:
        """Codes [B, T] at 25 Hz -> content vectors [B, D, 2 T] at 50 Hz."""
        return self.quantizer.decode(semantic_tokens).repeat_interleave(FRAMES_PER_TOKEN, dim=2)

    def encode_text(self, phoneme_ids: Tensor, mask: Tensor | None = None) -> Tensor:
        """Phonemes [B, N] -> [B, C, N], for `prior`; `mask` [B, 1, N] is 1 inside."""
        if mask is None:
            mask = torch.ones_like(phoneme_ids[:, None], dtype=self.ssl_proj.weight.dtype)
        return self.enc_p.encode_text(phoneme_ids, mask)

    def prior(
        self,
        semantic_tokens: Tensor,
        text: Tensor,
        style_embedding: Tensor,
        speed: float = 1.0,
        masks: tuple[Tensor, Tensor] | None = None,
    ) -> Prior:
        """Codes [B, T], text [B, C, N], style [B, gin, 1] -> Prior of 2 T frames, at speed 1.

        `masks` are those of the codes [B, 1, T] and of the text [B, 1, N], where rows are padded.
        """
        content = self.content(semantic_tokens)
        if masks is None:
            mask, text_mask = torch.ones_like(content[:, :1]), torch.ones_like(text[:, :1])
        else:
            mask, text_mask = masks[0].repeat_interleave(FRAMES_PER_TOKEN, dim=2), masks[1]
        return self.enc_p(content, mask, text, text_mask, self.text_style(style_embedding), speed)

    def vocode(self, z_p: Tensor, mask: Tensor, style_embedding: Tensor) -> Tensor:
        """Latents of the prior [B, C, T] -> waveform [B, 1, T * hop]."""
        z = self.flow.reverse(z_p, mask, style_embedding)
        return self.dec(z * mask, style_embedding)

    def forward(
        self,
        semantic_tokens: Tensor,
        phoneme_ids: Tensor,
        style_embedding: Tensor,
        noise: Tensor,
        noise_scale: float = 0.5,
        speed: float = 1.0,
    ) -> Tensor:
        """Codes [1, T], phonemes [1, N], style [1, gin, 1], noise [1, C, frames] -> [1, 1, S]."""
        text = self.encode_text(phoneme_ids)
        prior = self.prior(semantic_tokens, text, style_embedding, speed)
        z_p = sample_latents(prior, noise, noise_scale)
        return self.vocode(z_p, prior.mask, style_embedding)
