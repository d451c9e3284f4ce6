"""The first pieces of sentences as recordings, for a GPU.

A piece is some two thousand small kernels, which a CPU starts far slower than a GPU ends them, and
the first one is what a listener waits for. All first pieces have one length, so a recording for
each number of rows and length of text does for all. Later pieces, which nobody waits for, go by
tensor operations.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import torch
from torch import Tensor

from engine.models.hifigan_stream import HifiGanStream
from engine.models.masks import length_mask
from engine.models.prior_encoder import sample_latents
from engine.models.recording import Recorder, Work
from engine.models.vits_decoder import FRAMES_PER_TOKEN, VitsDecoder
from engine.pipeline.acoustic import Piece
from engine.types import Samples

if TYPE_CHECKING:
    from engine.pipeline.vits_stream import VitsStream

ROWS = (1, 2, 4, 8)
PHONEMES = (64, 128)


@dataclass(frozen=True, slots=True)
class _Inputs:
    """What a recording reads: phonemes [B, N], how many, codes [B, T], style, noise, its scale."""

    phoneme_ids: Tensor
    lengths: Tensor
    codes: Tensor
    style: Tensor
    noise: Tensor
    scale: Tensor


class FirstPieces:
    """Decodes the first `tokens` of streams, of whose frames `held` wait for more.

    The recordings are made at once. Of a piece `ready_frames` are heard.
    """

    def __init__(self, decoder: VitsDecoder, record: Recorder, tokens: int, held: int) -> None:
        self._decoder, self._tokens = decoder, tokens
        self.ready_frames = FRAMES_PER_TOKEN * tokens - held
        self._recorded = {
            (rows, phonemes): _Recording(self, rows, phonemes, record)
            for rows in ROWS
            for phonemes in PHONEMES
        }

    def fits(self, piece: Piece) -> bool:
        """Whether a piece is one of these."""
        stream = cast("VitsStream", piece.stream)
        is_first = stream.vocoded_frames == 0 and len(piece.semantic_tokens) == self._tokens
        is_short = stream.phoneme_ids.shape[-1] <= PHONEMES[-1]
        return is_first and is_short and stream.incremental and not piece.last

    def decode(self, pieces: Sequence[Piece]) -> list[Samples]:
        """What the streams of such pieces say first; several recordings if they are many."""
        found: list[Samples] = []
        for i in range(0, len(pieces), ROWS[-1]):
            some = pieces[i : i + ROWS[-1]]
            longest = max(cast("VitsStream", p.stream).phoneme_ids.shape[-1] for p in some)
            rows = next(each for each in ROWS if each >= len(some))
            phonemes = next(each for each in PHONEMES if each >= longest)
            found += self._recorded[rows, phonemes](some)
        return found

    def inputs(self, rows: int, phonemes: int) -> _Inputs:
        """Room for what so many pieces are made of."""
        config, like = self._decoder.config, self._decoder.ssl_proj.weight
        where, frames = like.device, FRAMES_PER_TOKEN * self._tokens
        return _Inputs(
            torch.zeros(rows, phonemes, dtype=torch.long, device=where),
            torch.ones(rows, dtype=torch.long, device=where),
            torch.zeros(rows, self._tokens, dtype=torch.long, device=where),
            like.new_zeros(rows, config.gin_channels, 1),
            like.new_zeros(rows, config.inter_channels, frames),
            like.new_zeros(rows, 1, 1),
        )

    def spoken(self, given: _Inputs) -> tuple[Tensor, Tensor, HifiGanStream]:
        """The sound [B, 1, S], the text for the prior [B, C, N], and the vocoder after it."""
        decoder = self._decoder
        text_mask = length_mask(given.lengths, given.phoneme_ids.shape[-1])
        text = decoder.encode_text(given.phoneme_ids, text_mask)
        mask = torch.ones_like(given.codes[:, None], dtype=given.style.dtype)
        prior = decoder.prior(given.codes, text, given.style, 1.0, (mask, text_mask))
        z_p = sample_latents(prior, given.noise, given.scale)
        z = decoder.flow.reverse(z_p, prior.mask, given.style)[..., : self.ready_frames]
        vocoder = HifiGanStream(decoder.dec, given.style)
        return vocoder.push(z, last=False), text, vocoder


class _Recording:
    """First pieces of up to so many streams, with texts of up to so many phonemes."""

    def __init__(self, owner: FirstPieces, rows: int, phonemes: int, record: Recorder) -> None:
        self._owner, self._inputs = owner, owner.inputs(rows, phonemes)
        with torch.inference_mode():
            sound, text, self._vocoder = owner.spoken(self._inputs)
            self._results = [torch.empty_like(each) for each in (sound, text)]
            self._state = torch.empty_like(self._vocoder.state())
            self._work: Work = record(self._do)

    def __call__(self, pieces: Sequence[Piece]) -> list[Samples]:
        streams, given = [cast("VitsStream", piece.stream) for piece in pieces], self._inputs
        frames = given.noise.shape[-1]
        for row, (stream, piece) in enumerate(zip(streams, pieces, strict=True)):
            phonemes = stream.phoneme_ids.shape[-1]
            given.phoneme_ids[row, :phonemes] = stream.phoneme_ids[0]
            given.codes[row] = piece.semantic_tokens
            given.style[row] = stream.style[0]
        given.lengths[: len(pieces)] = torch.tensor([s.phoneme_ids.shape[-1] for s in streams])
        given.scale[: len(pieces), 0, 0] = torch.tensor([s.manner.noise_scale for s in streams])
        given.noise[: len(pieces)] = torch.cat([stream.noise_until(frames) for stream in streams])
        self._work()
        sound = self._results[0][: len(pieces), 0].float().cpu()
        text, state = (each[: len(pieces)].clone() for each in (self._results[1], self._state))
        for row, stream in enumerate(streams):
            stream.text = text[row : row + 1, :, : stream.phoneme_ids.shape[-1]]
            stream.vocoder.take_up(self._vocoder, state[row : row + 1])
            stream.vocoded_frames = self._owner.ready_frames
        return [row.numpy() for row in sound]

    def _do(self) -> None:
        sound, text, vocoder = self._owner.spoken(self._inputs)
        for into, each in zip(
            (*self._results, self._state), (sound, text, vocoder.state()), strict=True
        ):
            into.copy_(each)
