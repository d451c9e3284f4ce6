"""Pieces of many sentences in one batch, for a GPU.

A GPU has time for many sentences and none for starting small work, so its vocoder keeps nothing
between pieces. Of every sentence an excerpt is vocoded that holds the piece and, on both sides,
what its sound depends on; latents that were vocoded before stay what they were. Excerpts of any
place and length go together, and where they are not larger than usual their work is one recording.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import batched
from typing import TYPE_CHECKING, NamedTuple, cast

import torch
from torch import Tensor
from torch.nn import functional as F
from torch.nn.utils.rnn import pad_sequence

from engine.models.device_generator import Vocode
from engine.models.masks import length_mask
from engine.models.prior_encoder import Prior, sample_latents
from engine.models.recording import Recorder, Work, host_room
from engine.models.vits_decoder import FRAMES_PER_TOKEN, VitsDecoder
from engine.pipeline.acoustic import Piece
from engine.types import Samples

if TYPE_CHECKING:
    from engine.pipeline.vits_stream import VitsStream

FLOW_REACH_FRAMES = 32  # 4 couplings of 4 layers of width 5
HELD_FRAMES = 2  # the newest, which still lack their right-hand neighbours


class Size(NamedTuple):
    """How much a batch holds of each sentence: its tokens and phonemes, and frames of an excerpt.

    The frames are those of the flow, which begins before what is vocoded.
    """

    tokens: int
    frames: int
    phonemes: int

    def holds(self, other: Size) -> bool:
        """Whether there is room for what is so large."""
        return all(own >= each for own, each in zip(self, other, strict=True))


ROWS = (1, 4, 16)
SIZES = (  # of what is recorded, each larger than the one before
    Size(14, 28, 64),
    Size(14, 28, 256),
    Size(36, 72, 256),
    Size(72, 144, 256),
    Size(128, 176, 256),
    Size(208, 208, 256),
    Size(288, 208, 256),
)


class _Excerpt(NamedTuple):
    """Frames of a sentence: what is vocoded, and what of that is heard.

    Attributes:
        flow: where the flow begins.
        begin, end: what is vocoded; known: up to where it was vocoded before.
        heard, heard_end: what is heard.
        kept: from where on the next excerpt will need latents.
    """

    flow: int
    begin: int
    known: int
    end: int
    heard: int
    heard_end: int
    kept: int


@dataclass(frozen=True, slots=True)
class Batch:
    """What is spoken of, a row for each sentence.

    Attributes:
        phoneme_ids: [B, N]; codes: [B, T]; style: [B, gin, 1].
        noise: [B, F, C], of the frames of the flow; scale: [B, 1, 1], how loud it is.
        noise_here: the same on the host.
        known: [B, C, K], latents that were vocoded before.
        counts: [7, B]: phonemes, tokens, the first frame of the flow, how many of its frames are
            not vocoded, how many are, how many of them are known, and how many are not kept.
    """

    phoneme_ids: Tensor
    codes: Tensor
    style: Tensor
    noise: Tensor
    noise_here: Tensor
    scale: Tensor
    known: Tensor
    counts: Tensor

    def fill(self, pieces: Sequence[Piece], excerpts: Sequence[_Excerpt]) -> None:
        """Take pieces in; rows that are left say nothing."""
        streams, n = [_stream(piece) for piece in pieces], len(pieces)
        ids = pad_sequence([stream.phoneme_ids for stream in streams], batch_first=True)
        codes = pad_sequence([piece.semantic_tokens for piece in pieces], batch_first=True)
        for here, stream, piece, e in zip(self.noise_here, streams, pieces, excerpts, strict=False):
            noise = stream.noise_until(FRAMES_PER_TOKEN * len(piece.semantic_tokens))[e.flow :]
            here[: len(noise)] = noise
        self.phoneme_ids[:n, : ids.shape[1]] = ids
        self.codes[:n, : codes.shape[1]] = codes
        self.style[:n] = torch.cat([stream.style for stream in streams])
        self.noise.copy_(self.noise_here, non_blocking=True)
        nothing = self.known[0]
        latents = [nothing if s.latents is None else s.latents for s in streams]
        self.known[:n] = torch.stack(latents)
        self.scale[:n, 0, 0] = torch.tensor([stream.manner.noise_scale for stream in streams])
        counts = torch.zeros(self.counts.shape, dtype=torch.long)
        counts[:, :n] = torch.tensor(
            [
                (
                    len(s.phoneme_ids),
                    len(p.semantic_tokens),
                    e.flow,
                    e.begin - e.flow,
                    e.end - e.begin,
                    e.known - e.begin,
                    e.kept - e.begin,
                )
                for s, p, e in zip(streams, pieces, excerpts, strict=True)
            ]
        ).T
        self.counts.copy_(counts)


class PieceBatches:
    """Decodes pieces of streams at the model's own speed.

    With a recorder the usual sizes are recorded at once.
    """

    def __init__(self, decoder: VitsDecoder, vocode: Vocode, record: Recorder | None) -> None:
        self._decoder, self._vocode = decoder, vocode
        self._reach = decoder.config.hifigan.reach
        self._recorded: dict[tuple[int, Size], _Recording] = {}
        if record is not None:
            for size in SIZES:
                for rows in ROWS:
                    self._recorded[rows, size] = _Recording(self, rows, size, record)

    @torch.inference_mode()
    def decode(self, pieces: Sequence[Piece]) -> list[Samples]:
        """What the streams of the pieces say now; they have moved on only if all went well."""
        excerpts = [self._excerpt(piece) for piece in pieces]
        sizes = [_size(*each) for each in zip(pieces, excerpts, strict=True)]
        by_size = sorted(range(len(pieces)), key=sizes.__getitem__)
        usual = [i for i in by_size if self._usual(sizes[i])]
        others = [i for i in by_size if not self._usual(sizes[i])]
        spoken: dict[int, _Spoken] = {}
        for some in (*batched(usual, ROWS[-1]), *batched(others, ROWS[-1])):
            largest = Size(*map(max, zip(*(sizes[i] for i in some), strict=True)))
            found = self._spoken([pieces[i] for i in some], [excerpts[i] for i in some], largest)
            spoken |= dict(zip(some, found, strict=True))
        for i, (piece, excerpt) in enumerate(zip(pieces, excerpts, strict=True)):
            _stream(piece).vocoded_frames = excerpt.end
            _stream(piece).latents = spoken[i].latents
        return [spoken[i].samples for i in range(len(pieces))]

    def _excerpt(self, piece: Piece) -> _Excerpt:
        """Its sound ends before frames that are still to come could change it."""
        frames, known = FRAMES_PER_TOKEN * len(piece.semantic_tokens), _stream(piece).vocoded_frames
        end = frames if piece.last else max(known, frames - HELD_FRAMES)
        heard = max(0, known - self._reach)
        begin = max(0, heard - self._reach)
        return _Excerpt(
            flow=min(begin, max(0, known - FLOW_REACH_FRAMES)),
            begin=begin,
            known=known,
            end=end,
            heard=heard,
            heard_end=end if piece.last else max(heard, end - self._reach),
            kept=max(0, end - 2 * self._reach),
        )

    def _usual(self, size: Size) -> Size | None:
        """The size of the recordings that have room for it, or None."""
        if not self._recorded:
            return None
        return next((each for each in SIZES if each.holds(size)), None)

    def _spoken(
        self, pieces: Sequence[Piece], excerpts: Sequence[_Excerpt], size: Size
    ) -> list[_Spoken]:
        """The sound of pieces that go together, none of which is larger than `size`."""
        usual = self._usual(size)
        if usual is None:
            batch = self.room(len(pieces), size)
            batch.fill(pieces, excerpts)
            sound, latents = self.sound(batch)
            here = host_room(sound.shape, sound.device)
        else:
            rows = next(each for each in ROWS if each >= len(pieces))
            sound, latents, here = self._recorded[rows, usual](pieces, excerpts)
        hop, n = self._decoder.dec.config.hop, len(pieces)
        latents = latents[:n].clone()
        here[:n] = sound[:n]
        return [
            _Spoken(row[(e.heard - e.begin) * hop : (e.heard_end - e.begin) * hop].copy(), kept)
            for row, kept, e in zip(here[:n, 0].numpy(), latents, excerpts, strict=True)
        ]

    def room(self, rows: int, size: Size) -> Batch:
        """A batch of rows that say nothing."""
        config, like = self._decoder.config, self._decoder.ssl_proj.weight

        def numbers(*shape: int) -> Tensor:
            return torch.zeros(shape, dtype=torch.long, device=like.device)

        noise = rows, size.frames, config.inter_channels
        return Batch(
            phoneme_ids=numbers(rows, size.phonemes),
            codes=numbers(rows, size.tokens),
            style=like.new_zeros(rows, config.gin_channels, 1),
            noise=like.new_zeros(noise),
            noise_here=host_room(noise, like.device),
            scale=like.new_zeros(rows, 1, 1),
            known=like.new_zeros(rows, config.inter_channels, 2 * self._reach),
            counts=numbers(7, rows),
        )

    def sound(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """The vocoded frames of each row, [B, 1, S], and the latents that it keeps, [B, C, K]."""
        decoder, length = self._decoder, batch.noise.shape[1]
        phonemes, tokens, flow, ahead, frames, known, passed = batch.counts.unbind()
        text_mask = length_mask(phonemes, batch.phoneme_ids.shape[1])
        text = decoder.encode_text(batch.phoneme_ids, text_mask)
        masks = length_mask(tokens, batch.codes.shape[1]), text_mask
        prior = decoder.prior(batch.codes, text, batch.style, 1.0, masks)
        inside = length_mask(FRAMES_PER_TOKEN * tokens - flow, length)
        hidden, mean, log_std = (
            _cut(each, flow, length) for each in (prior.hidden, prior.mean, prior.log_std)
        )
        z_p = sample_latents(Prior(hidden, mean, log_std, inside), batch.noise.mT, batch.scale)
        z = _cut(decoder.flow.reverse(z_p, inside, batch.style), ahead, length)
        spoken_before = length_mask(known, length) > 0
        z = torch.where(spoken_before, F.pad(batch.known, (0, length - batch.known.shape[-1])), z)
        sound = self._vocode(z, batch.style, frames)
        return sound, _cut(z, passed, batch.known.shape[-1])


class _Recording:
    """The work for pieces of a size, up to so many."""

    def __init__(self, owner: PieceBatches, rows: int, size: Size, record: Recorder) -> None:
        self._owner, self._batch = owner, owner.room(rows, size)
        with torch.inference_mode():
            sound, latents = owner.sound(self._batch)
            self._results = torch.empty_like(sound, dtype=torch.float32), torch.empty_like(latents)
            self._here = host_room(sound.shape, sound.device)
            self._work: Work = record(self._do)

    def __call__(
        self, pieces: Sequence[Piece], excerpts: Sequence[_Excerpt]
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Sound and latents, and room for the sound on the host."""
        self._batch.fill(pieces, excerpts)
        self._work()
        return *self._results, self._here

    def _do(self) -> None:
        for into, each in zip(self._results, self._owner.sound(self._batch), strict=True):
            into.copy_(each)


class _Spoken(NamedTuple):
    """What a piece says, and latents [C, K] that its stream keeps."""

    samples: Samples
    latents: Tensor


def _size(piece: Piece, excerpt: _Excerpt) -> Size:
    tokens, phonemes = len(piece.semantic_tokens), len(_stream(piece).phoneme_ids)
    return Size(tokens, FRAMES_PER_TOKEN * tokens - excerpt.flow, phonemes)


def _cut(x: Tensor, begin: Tensor, length: int) -> Tensor:
    """As many frames of each row of [B, C, T] from its `begin` [B] on; the last is repeated."""
    index = (begin[:, None] + torch.arange(length, device=x.device)).clamp(max=x.shape[-1] - 1)
    return x.gather(2, index[:, None].expand(-1, x.shape[1], -1))


def _stream(piece: Piece) -> VitsStream:
    return cast("VitsStream", piece.stream)
