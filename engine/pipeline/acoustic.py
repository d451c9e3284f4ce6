"""Incremental acoustic decoding: the tokens of one sentence in, waveform pieces out.

The prior attends to the whole sentence, so it is recomputed over all tokens that are there; it is
the cheap part. Flow and vocoder see a limited neighbourhood, so each piece decodes its own frames
and a margin on both sides. The newest frames still lack their right-hand margin: they are held
back until more tokens come, and joined to the next piece by a crossfade.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from engine.models.prior_encoder import Prior, sample_latents
from engine.models.vits_decoder import VitsDecoder
from engine.types import Samples

MARGIN_FRAMES = 40  # flow: 4 couplings of 4 layers of width 5 see 32; the vocoder some 8 more
HELD_FRAMES = 8
FADE_FRAMES = 1


@dataclass(frozen=True, slots=True)
class Manner:
    """What stays the same over a stream: style [1, gin, 1], randomness and speed."""

    style_embedding: Tensor
    noise_scale: float
    speed: float


class AcousticStream:
    """Decodes one sentence; all state of it lives here.

    Args:
        decoder: its networks.
        phoneme_ids: of the sentence, [N].
        manner: style, noise and speed.
        generator: source of the latents' noise, on the CPU.
    """

    def __init__(
        self,
        decoder: VitsDecoder,
        phoneme_ids: Tensor,
        manner: Manner,
        generator: torch.Generator,
    ) -> None:
        self._decoder, self._manner, self._generator = decoder, manner, generator
        self._phoneme_ids = phoneme_ids[None].to(manner.style_embedding.device)
        self._noise = torch.zeros(1, decoder.config.inter_channels, 0)
        self._spoken_frames = 0
        self._tail: Samples = np.zeros(0, np.float32)

    @property
    def incremental(self) -> bool:
        """Whether pieces can be decoded before the end: at the model's own speed."""
        return self._manner.speed == 1.0

    def decode(self, semantic_tokens: Tensor, *, last: bool) -> Samples:
        """Return what can be spoken now of all tokens so far [T], float32 [S].

        Unless `last`, the newest frames are held back.
        """
        prior = self._decoder.prior(
            semantic_tokens[None],
            self._phoneme_ids,
            self._manner.style_embedding,
            self._manner.speed,
        )
        frames = prior.mean.shape[-1]
        until = frames if last else max(self._spoken_frames, frames - HELD_FRAMES)
        begin = max(0, self._spoken_frames - MARGIN_FRAMES)
        samples = self._vocode(prior, begin)
        hop = self._decoder.config.hop_length
        spoken = (self._spoken_frames - begin) * hop
        piece = self._faded(samples[spoken:])
        ready = (until - self._spoken_frames) * hop
        self._tail = piece[ready : ready + FADE_FRAMES * hop]
        self._spoken_frames = until
        return piece[:ready]

    def _vocode(self, prior: Prior, begin: int) -> Samples:
        """Waveform of the frames from `begin` on."""
        noise = self._noise_until(prior.mean.shape[-1]).to(prior.mean.device)
        z_p = sample_latents(prior, noise, self._manner.noise_scale)[..., begin:]
        mask = prior.mask[..., begin:]
        wave = self._decoder.vocode(z_p, mask, self._manner.style_embedding)
        return wave[0, 0].float().cpu().numpy()

    def _noise_until(self, frames: int) -> Tensor:
        """Noise [1, C, frames]: a frame keeps its noise however the sentence is cut."""
        missing = frames - self._noise.shape[-1]
        if missing > 0:
            fresh = torch.randn(missing, self._noise.shape[1], generator=self._generator)
            self._noise = torch.cat([self._noise, fresh.T[None]], dim=-1)
        return self._noise[..., :frames]

    def _faded(self, piece: Samples) -> Samples:
        """Cross from what the last piece would have gone on with into this one."""
        n = min(len(self._tail), len(piece))
        if n:
            rise = (np.arange(n, dtype=np.float32) + 1) / (n + 1)
            piece = piece.copy()
            piece[:n] = piece[:n] * rise + self._tail[:n] * (1 - rise)
        return piece
