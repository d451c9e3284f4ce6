"""The acoustic half of v1, v2 and v2Pro: latents of a prior, and a vocoder that never looks back.

The text is encoded once. The prior attends to the whole sentence, so it is recomputed over all
tokens that are there; it is the cheap part, and so is the flow, which sees a limited neighbourhood
and runs over the new frames and a margin. The newest frames still lack their right-hand neighbours:
they are held back until more tokens come. The vocoder, the costly part, computes every sample once.

A GPU does the same for many sentences at a time, in its own way (`piece_batches`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from weakref import WeakKeyDictionary

import torch
from torch import Tensor

from engine.errors import EngineError, InvalidOptionError, ReferenceAudioError
from engine.models.device_generator import best_vocode
from engine.models.hifigan import SoundStream
from engine.models.hifigan_stream import stream_of
from engine.models.prior_encoder import sample_latents
from engine.models.recording import recorder_for
from engine.models.vits_decoder import VitsDecoder
from engine.pipeline.acoustic import Manner, OpenStream, Piece
from engine.pipeline.faults import attempt, attempt_together
from engine.pipeline.piece_batches import FLOW_REACH_FRAMES, HELD_FRAMES, ROWS, PieceBatches
from engine.types import Samples, VoicePrompt

FIRST_PIECE_TOKENS = 14


@dataclass(frozen=True, slots=True, eq=False)
class VitsAcoustics:
    """A VITS decoder as the acoustic half of a bundle; `batches` are for a GPU.

    The style of a voice is kept as long as the voice is.
    """

    decoder: VitsDecoder
    batches: PieceBatches | None = None
    _styles: WeakKeyDictionary[VoicePrompt, Tensor] = field(
        default_factory=WeakKeyDictionary, init=False
    )

    @classmethod
    def prepared(cls, decoder: VitsDecoder) -> VitsAcoustics:
        """As fast as the device allows: on a GPU its work is recorded now."""
        record = recorder_for(decoder.ssl_proj.weight.device)
        if record is None:
            return cls(decoder)
        return cls(decoder, PieceBatches(decoder, best_vocode(decoder.dec), record))

    @property
    def together(self) -> int:
        """See `AcousticDecoder`."""
        return 1 if self.batches is None else ROWS[-1]

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
        style = self._styles.get(voice)
        if style is None:
            style = self._styles[voice] = self._style(voice)
        return partial(VitsStream, self.decoder, style, manner)

    def _style(self, voice: VoicePrompt) -> Tensor:
        device = self.decoder.ssl_proj.weight.device
        references = [r[None].to(device) for r in voice.reference_spectrograms]
        speakers = [e[None].to(device) for e in voice.speaker_embeddings]
        return self.decoder.mean_style(references, speakers)

    @torch.inference_mode()
    def decode(self, pieces: Sequence[Piece]) -> Sequence[Samples | EngineError]:
        """See `AcousticDecoder`: in batches those that come in pieces, where there are batches."""
        sounds: dict[int, Samples | EngineError] = {}
        if self.batches is not None:
            together = [i for i, piece in enumerate(pieces) if piece.stream.incremental]
            found = attempt_together(self.batches.decode, [pieces[i] for i in together])
            sounds |= dict(zip(together, found, strict=True))
        for i, piece in enumerate(pieces):
            if i not in sounds:
                alone = partial(piece.stream.decode, piece.semantic_tokens, last=piece.last)
                sounds[i] = attempt(alone)
        return [sounds[i] for i in range(len(pieces))]


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
        self.manner, self.style, self.phoneme_ids = manner, style_embedding, phoneme_ids
        self.vocoded_frames = 0  # that the vocoder was given
        self.latents: Tensor | None = None  # the newest of them, for batches, [C, K]
        self._decoder = decoder
        self._vocoder: SoundStream | None = None
        self._text: Tensor | None = None  # as the prior reads it, [1, C, N]
        self._generator = generator
        self._noise = torch.zeros(0, decoder.config.inter_channels)

    @property
    def incremental(self) -> bool:
        """Whether pieces can be decoded before the end: at the model's own speed."""
        return self.manner.speed == 1.0

    @property
    def first_piece_tokens(self) -> int:
        """How many tokens the first piece is best made of."""
        return FIRST_PIECE_TOKENS

    def decode(self, semantic_tokens: Tensor, *, last: bool) -> Samples:
        """Return what can be spoken now of all tokens so far [T], float32 [S].

        Unless `last`, the newest frames are held back.
        """
        begin = self.vocoded_frames
        first = max(0, begin - FLOW_REACH_FRAMES)
        z, frames = self._latents(semantic_tokens, first)
        end = frames if last else max(begin, frames - HELD_FRAMES)
        if self._vocoder is None:
            self._vocoder = stream_of(self._decoder.dec, self.style)
        sound = self._vocoder.push(z[..., begin - first : end - first], last=last)
        self.vocoded_frames = end
        return sound[0, 0].float().cpu().numpy()

    def noise_until(self, frames: int) -> Tensor:
        """Noise [frames, C]: a frame keeps its noise however the sentence is cut."""
        missing = frames - len(self._noise)
        if missing > 0:
            fresh = torch.randn(missing, self._noise.shape[1], generator=self._generator)
            self._noise = torch.cat([self._noise, fresh])
        return self._noise[:frames]

    def _latents(self, semantic_tokens: Tensor, begin: int) -> tuple[Tensor, int]:
        """Latents [1, C, T] of the frames from `begin` on, and how many frames there are in all.

        Those that the vocoder was given before are there only for the others to look at.
        """
        decoder, device = self._decoder, self.style.device
        ahead = self.vocoded_frames - begin
        if self._text is None:
            self._text = decoder.encode_text(self.phoneme_ids[None].to(device))
        tokens = semantic_tokens[None].to(device)
        prior = decoder.prior(tokens, self._text, self.style, self.manner.speed)
        frames = prior.mean.shape[-1]
        noise = self.noise_until(frames).T[None].to(device)
        z_p = sample_latents(prior, noise, self.manner.noise_scale)[..., begin:]
        return decoder.flow.reverse(z_p, prior.mask[..., begin:], self.style, ahead), frames
