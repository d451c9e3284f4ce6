"""One forward pass of the acoustic decoder's training.

Reference: Kim, Kong and Son, "VITS", arXiv:2106.06103, section 2.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from engine.models.masks import length_mask
from engine.models.prior_encoder import Prior, sample_latents
from engine.models.vits_decoder import VitsDecoder


@dataclass(frozen=True, slots=True)
class AcousticBatch:
    """Utterances padded to one length.

    Attributes:
        spectrogram: linear magnitudes [B, bins, T]; frames: their lengths [B].
        waveform: [B, 1, T * hop].
        semantic_tokens: [B, T / 2].
        phoneme_ids: [B, N]; phoneme_lengths: [B].
        reference: [B, bins, R], what the style is read from; reference_frames: [B].
        speaker_embedding: [B, S] or None.
    """

    spectrogram: Tensor
    frames: Tensor
    waveform: Tensor
    semantic_tokens: Tensor
    phoneme_ids: Tensor
    phoneme_lengths: Tensor
    reference: Tensor
    reference_frames: Tensor
    speaker_embedding: Tensor | None = None


@dataclass(frozen=True, slots=True)
class Encoded:
    """What the encoders make of a batch: all [B, C, T], style [B, gin, 1], mask [B, 1, T]."""

    style: Tensor
    prior: Prior
    z: Tensor
    z_p: Tensor
    posterior_mean: Tensor
    posterior_log_std: Tensor
    mask: Tensor


def encode(decoder: VitsDecoder, batch: AcousticBatch, noise: Tensor) -> Encoded:
    """Run style, prior, posterior and flow; `noise` is standard normal [B, C, T]."""
    mask = length_mask(batch.frames, batch.spectrogram.shape[-1])
    text_mask = length_mask(batch.phoneme_lengths, batch.phoneme_ids.shape[-1])
    reference_mask = length_mask(batch.reference_frames, batch.reference.shape[-1])
    style = decoder.style(batch.reference * reference_mask, reference_mask, batch.speaker_embedding)
    prior = decoder.enc_p(
        decoder.content(batch.semantic_tokens),
        mask,
        decoder.enc_p.encode_text(batch.phoneme_ids, text_mask),
        text_mask,
        decoder.text_style(style),
    )
    mean, log_std = decoder.enc_q(batch.spectrogram, mask, style.detach())
    z = (mean + noise * torch.exp(log_std)) * mask
    z_p = decoder.flow(z, mask, style)
    return Encoded(style, prior, z, z_p, mean, log_std, mask)


def prior_latents(decoder: VitsDecoder, encoded: Encoded, noise: Tensor, scale: float) -> Tensor:
    """Latents as synthesis draws them, [B, C, T]: from the prior, back through the flow."""
    z_p = sample_latents(encoded.prior, noise, scale)
    return decoder.flow.reverse(z_p, encoded.mask, encoded.style)


def slices(x: Tensor, starts: Tensor, length: int, hop: int = 1) -> Tensor:
    """Cut `length` frames from each row of [B, C, T * hop], at frames `starts` [B]."""
    rows = [
        row[:, start * hop : (start + length) * hop]
        for row, start in zip(x, starts.tolist(), strict=True)
    ]
    return torch.stack(rows)
