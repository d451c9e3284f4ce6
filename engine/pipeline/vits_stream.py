"""The acoustic half of v1, v2 and v2Pro: latents of a prior, and a vocoder that never looks back.

The text is encoded once. The prior attends to the whole sentence, so it is recomputed over all
tokens that are there; it is the cheap part, and so is the flow, which sees a limited neighbourhood
and runs over the new frames and a margin. The newest frames still lack their right-hand neighbours:
they are held back until more tokens come. The vocoder, the costly part, computes every sample once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from engine.errors import EngineError, InvalidOptionError, ReferenceAudioError
from engine.models.hifigan_stream import HifiGanStream
from engine.models.prior_encoder import Prior, sample_latents
from engine.models.vits_decoder import VitsDecoder
from engine.pipeline.acoustic import Manner, OpenStream, Piece
from engine.pipeline.faults import attempt
from engine.types import Samples, VoicePrompt

FLOW_REACH_FRAMES = 32  # 4 couplings of 4 layers of width 5
HELD_FRAMES = 2
FIRST_PIECE_TOKENS = 14


@dataclass(frozen=True, slots=True, eq=False)
class VitsAcoustics:
    """A VITS decoder as the acoustic half of a bundle."""

    decoder: VitsDecoder

    @torch.inference_mode()
    def in_voice(self, voice: VoicePrompt, manner: Manner) -> OpenStream:
        """See `AcousticDecoder`."""
        if manner.steps is not None:
            raise InvalidOptionError(
                "sample_steps", manner.steps, "none, for only bundles of v3 and v4 go by steps"
            )
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

    def decode(self, pieces: Sequence[Piece]) -> Sequence[Samples | EngineError]:
        """See `AcousticDecoder`; each has its own state, so they go one by one."""
        return [
            attempt(partial(each.stream.decode, each.semantic_tokens, last=each.last))
            for each in pieces
        ]


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
        self._text: Tensor | None = None  # encoded with the first piece
        self._noise = torch.zeros(1, decoder.config.inter_channels, 0)
        self._vocoder = HifiGanStream(decoder.dec, style_embedding)
        self._vocoded_frames = 0

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
        if self._text is None:
            self._text = self._decoder.encode_text(self._phoneme_ids)
        prior = self._decoder.prior(
            semantic_tokens[None], self._text, self._style, self._manner.speed
        )
        frames = prior.mean.shape[-1]
        until = frames if last else max(self._vocoded_frames, frames - HELD_FRAMES)
        latents = self._latents(prior, self._vocoded_frames)[..., : until - self._vocoded_frames]
        self._vocoded_frames = until
        return self._vocoder.push(latents, last=last)[0, 0].float().cpu().numpy()

    def _latents(self, prior: Prior, begin: int) -> Tensor:
        """Latents [1, C, frames] of the frames from `begin` on."""
        noise = self._noise_until(prior.mean.shape[-1]).to(prior.mean.device)
        first = max(0, begin - FLOW_REACH_FRAMES)
        z_p = sample_latents(prior, noise, self._manner.noise_scale)[..., first:]
        z = self._decoder.flow.reverse(z_p, prior.mask[..., first:], self._style)
        return z[..., begin - first :]

    def _noise_until(self, frames: int) -> Tensor:
        """Noise [1, C, frames]: a frame keeps its noise however the sentence is cut."""
        missing = frames - self._noise.shape[-1]
        if missing > 0:
            fresh = torch.randn(missing, self._noise.shape[1], generator=self._generator)
            self._noise = torch.cat([self._noise, fresh.T[None]], dim=-1)
        return self._noise[..., :frames]
