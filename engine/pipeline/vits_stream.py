"""The acoustic half of v1, v2 and v2Pro: latents of a prior, and a vocoder that never looks back.

The text is encoded once. The prior attends to the whole sentence, so it is recomputed over all
tokens that are there; it is the cheap part, and so is the flow, which sees a limited neighbourhood
and runs over the new frames and a margin. The newest frames still lack their right-hand neighbours:
they are held back until more tokens come. The vocoder, the costly part, computes every sample once.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import cast

import torch
from torch import Tensor

from engine.errors import EngineError, InvalidOptionError, ReferenceAudioError
from engine.models.hifigan_stream import HifiGanStream, push_together
from engine.models.masks import padded
from engine.models.prior_encoder import sample_latents
from engine.models.recording import recorder_for
from engine.models.vits_decoder import FRAMES_PER_TOKEN, VitsDecoder
from engine.pipeline.acoustic import Manner, OpenStream, Piece
from engine.pipeline.faults import attempt_together
from engine.pipeline.first_pieces import FirstPieces
from engine.types import Samples, VoicePrompt

FLOW_REACH_FRAMES = 32  # 4 couplings of 4 layers of width 5
HELD_FRAMES = 2
FIRST_PIECE_TOKENS = 14
TOGETHER, FIRST = -1, -2  # groups of pieces
DecodePieces = Callable[[Sequence[Piece]], list[Samples]]


@dataclass(frozen=True, slots=True, eq=False)
class VitsAcoustics:
    """A VITS decoder as the acoustic half of a bundle."""

    decoder: VitsDecoder
    first_pieces: FirstPieces | None = None

    @classmethod
    def prepared(cls, decoder: VitsDecoder) -> VitsAcoustics:
        """As fast as the device allows: on a GPU first pieces are recorded now."""
        record = recorder_for(decoder.ssl_proj.weight.device)
        if record is None:
            return cls(decoder)
        return cls(decoder, FirstPieces(decoder, record, FIRST_PIECE_TOKENS, HELD_FRAMES))

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

    @torch.inference_mode()
    def decode(self, pieces: Sequence[Piece]) -> Sequence[Samples | EngineError]:
        """See `AcousticDecoder`.

        Pieces at the model's own speed go together, unless the vocoder is compiled: then nothing
        is gained, and each sounds the same to the bit whatever the others are.
        """
        groups: dict[int, list[int]] = defaultdict(list)
        for i, piece in enumerate(pieces):
            groups[self._group(piece, i)].append(i)
        sounds: dict[int, Samples | EngineError] = {}
        for name, group in groups.items():
            work: DecodePieces = partial(_decode, self.decoder)
            if name == FIRST and self.first_pieces is not None:
                work = self.first_pieces.decode
            found = attempt_together(work, [pieces[i] for i in group])
            sounds |= dict(zip(group, found, strict=True))
        return [sounds[i] for i in range(len(pieces))]

    def _group(self, piece: Piece, own: int) -> int:
        """Those of one number are decoded together; `own` is that of nobody else."""
        if self.decoder.dec.packed is not None or not piece.stream.incremental:
            return own
        if self.first_pieces is not None and self.first_pieces.fits(piece):
            return FIRST
        return TOGETHER


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
        self.decoder, self.manner, self.style = decoder, manner, style_embedding
        self.vocoder = HifiGanStream(decoder.dec, style_embedding)
        self.vocoded_frames = 0
        self.phoneme_ids = phoneme_ids[None].to(style_embedding.device)
        self.text: Tensor | None = None  # as the prior reads it, [1, C, N]
        self._generator = generator
        self._noise = torch.zeros(1, decoder.config.inter_channels, 0)

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
        return _decode(self.decoder, [Piece(self, semantic_tokens, last)])[0]

    def noise_until(self, frames: int) -> Tensor:
        """Noise [1, C, frames]: a frame keeps its noise however the sentence is cut."""
        missing = frames - self._noise.shape[-1]
        if missing > 0:
            fresh = torch.randn(missing, self._noise.shape[1], generator=self._generator)
            self._noise = torch.cat([self._noise, fresh.T[None]], dim=-1)
        return self._noise[..., :frames]


def _decode(decoder: VitsDecoder, pieces: Sequence[Piece]) -> list[Samples]:
    """What the streams of the pieces say now; several only at the model's own speed.

    If that fails, streams whose vocoder is not compiled are where they were.
    """
    streams = [cast(VitsStream, piece.stream) for piece in pieces]
    z, frames = _latents(decoder, streams, [piece.semantic_tokens for piece in pieces])
    begins = [stream.vocoded_frames for stream in streams]
    ends = [
        n if piece.last else max(begin, n - HELD_FRAMES)
        for n, piece, begin in zip(frames, pieces, begins, strict=True)
    ]
    new = [
        row[..., begin - _first(begin) : end - _first(begin)]
        for row, begin, end in zip(z.split(1), begins, ends, strict=True)
    ]
    vocoders, lasts = [stream.vocoder for stream in streams], [piece.last for piece in pieces]
    sounds = push_together(vocoders, new, lasts)
    for stream, end in zip(streams, ends, strict=True):
        stream.vocoded_frames = end
    samples = torch.cat(sounds, dim=-1)[0, 0].float().cpu()
    return [sound.numpy() for sound in samples.split([sound.shape[-1] for sound in sounds])]


def _latents(
    decoder: VitsDecoder, streams: Sequence[VitsStream], tokens: Sequence[Tensor]
) -> tuple[Tensor, list[int]]:
    """Latents [B, C, T] of what the vocoders lack and a margin before, and all frames that are."""
    codes, mask = padded([each[None] for each in tokens])
    text, text_mask = padded(_texts(decoder, streams))
    style = torch.cat([stream.style for stream in streams])
    prior = decoder.prior(codes, text, style, streams[0].manner.speed, (mask, text_mask))
    frames = [FRAMES_PER_TOKEN * len(each) for each in tokens]
    if not streams[0].incremental:
        frames = [prior.mean.shape[-1]]
    noise, _ = padded([s.noise_until(n) for s, n in zip(streams, frames, strict=True)])
    scale = torch.tensor([stream.manner.noise_scale for stream in streams]).view(-1, 1, 1)
    z_p = sample_latents(prior, noise.to(style.device), scale.to(style.device))
    windows = [
        row[..., _first(stream.vocoded_frames) : n]
        for row, stream, n in zip(z_p.split(1), streams, frames, strict=True)
    ]
    return decoder.flow.reverse(*padded(windows), style), frames


def _texts(decoder: VitsDecoder, streams: Sequence[VitsStream]) -> list[Tensor]:
    """The sentences as the prior reads them, [1, C, N] each; those that are new together."""
    if new := [stream for stream in streams if stream.text is None]:
        ids, mask = padded([stream.phoneme_ids for stream in new])
        for stream, row in zip(new, decoder.encode_text(ids, mask).split(1), strict=True):
            stream.text = row[..., : stream.phoneme_ids.shape[-1]]
    return [cast(Tensor, stream.text) for stream in streams]


def _first(begin: int) -> int:
    """Where the flow must begin for the frames from `begin` on."""
    return max(0, begin - FLOW_REACH_FRAMES)
