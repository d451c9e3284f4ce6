"""The acoustic half of v1, v2 and v2Pro: latents of a prior, vocoded with a margin.

The prior attends to the whole sentence, so it is recomputed over all tokens that are there; it is
the cheap part. Flow and vocoder see a limited neighbourhood, so each piece decodes its own frames
and a margin on both sides. The newest frames still lack their right-hand margin: they are held
back until more tokens come, and joined to the next piece by a crossfade.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from torch import Tensor

from engine.errors import ReferenceAudioError
from engine.models.prior_encoder import Prior, sample_latents
from engine.models.vits_decoder import VitsDecoder
from engine.pipeline.acoustic import Manner, OpenStream
from engine.types import Samples, VoicePrompt

MARGIN_FRAMES = 40  # flow: 4 couplings of 4 layers of width 5 see 32; the vocoder some 8 more
HELD_FRAMES = 8
FADE_FRAMES = 1
FIRST_PIECE_TOKENS = 14


@dataclass(frozen=True, slots=True, eq=False)
class VitsAcoustics:
    """A VITS decoder as the acoustic half of a bundle."""

    decoder: VitsDecoder

    @torch.inference_mode()
    def in_voice(self, voice: VoicePrompt, manner: Manner) -> OpenStream:
        """See `AcousticDecoder`."""
        if self.decoder.config.speaker_dimension and not voice.speaker_embeddings:
            raise ReferenceAudioError(
                "the voice has no speaker embedding, which this bundle reads: "
                "make it again from its recording with this bundle"
            )
        device = self.decoder.ssl_proj.weight.device
        references = [r[None].to(device) for r in voice.reference_spectrograms]
        speakers = [e[None].to(device) for e in voice.speaker_embeddings]
        style = self.decoder.mean_style(references, speakers)
        return partial(VitsStream, self.decoder, style, manner)


class VitsStream:
    """Decodes one sentence; all state of it lives here.

    Args:
        decoder: its networks.
        style_embedding: [1, gin, 1].
        manner: noise and speed.
        phoneme_ids: of the sentence, [N].
        generator: source of the latents' noise, on the CPU.
    """

    def __init__(
        self,
        decoder: VitsDecoder,
        style_embedding: Tensor,
        manner: Manner,
        phoneme_ids: Tensor,
        generator: torch.Generator,
    ) -> None:
        self._decoder, self._manner, self._generator = decoder, manner, generator
        self._style = style_embedding
        self._phoneme_ids = phoneme_ids[None].to(style_embedding.device)
        self._noise = torch.zeros(1, decoder.config.inter_channels, 0)
        self._spoken_frames = 0
        self._tail: Samples = np.zeros(0, np.float32)

    @property
    def incremental(self) -> bool:
        """Whether pieces can be decoded before the end: at the model's own speed."""
        return self._manner.speed == 1.0

    @property
    def first_piece_tokens(self) -> int:
        """How many tokens the first piece is best made of."""
        return FIRST_PIECE_TOKENS

    def decode(self, semantic_tokens: Tensor, *, last: bool) -> Samples:
        """Return what can be spoken now of all tokens so far [T], float32 [S].

        Unless `last`, the newest frames are held back.
        """
        prior = self._decoder.prior(
            semantic_tokens[None], self._phoneme_ids, self._style, self._manner.speed
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
        wave = self._decoder.vocode(z_p, mask, self._style)
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
