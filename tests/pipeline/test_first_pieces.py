"""Recorded first pieces sound like those that go by tensor operations, and so does what follows."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from engine.models.recording import repeat
from engine.pipeline import first_pieces
from engine.pipeline.acoustic import Manner, Piece
from engine.pipeline.first_pieces import FirstPieces
from engine.pipeline.vits_stream import (
    FIRST_PIECE_TOKENS,
    HELD_FRAMES,
    VitsAcoustics,
    VitsStream,
)
from engine.types import Samples
from tests.tiny_bundle import CODES, SYMBOLS, tiny_decoder

CUTS = (FIRST_PIECE_TOKENS, 30, 41)
PHONEMES = (9, 70, 20)


def spoken(acoustics: VitsAcoustics, count: int = 3, speed: float = 1.0) -> list[Samples]:
    """What as many streams say, piece by piece."""
    decoder, source = acoustics.decoder, torch.Generator().manual_seed(3)
    style = torch.randn(count, 1, decoder.config.gin_channels, 1, generator=source)
    phonemes = [torch.randint(SYMBOLS, (n,), generator=source) for n in PHONEMES]
    tokens = [torch.randint(CODES, (CUTS[-1],), generator=source) for _ in PHONEMES]
    streams = [
        VitsStream(
            decoder, style[i], Manner(0.2 * i, speed), phonemes[i], torch.Generator().manual_seed(i)
        )
        for i in range(count)
    ]
    said: list[list[Samples]] = [[] for _ in streams]
    for cut in CUTS if speed == 1.0 else CUTS[-1:]:
        pieces = [Piece(s, t[:cut], cut == CUTS[-1]) for s, t in zip(streams, tokens, strict=False)]
        for own, sound in zip(said, acoustics.decode(pieces), strict=True):
            assert not isinstance(sound, Exception)
            own.append(sound)
    return [np.concatenate(own) for own in said]


def recorded() -> VitsAcoustics:
    decoder = tiny_decoder()
    pieces = FirstPieces(decoder, repeat, FIRST_PIECE_TOKENS, HELD_FRAMES)
    return VitsAcoustics(decoder, pieces)


@pytest.mark.parametrize("count", [1, 3])
def test_streams_sound_as_without_recordings(count: int) -> None:
    for got, wanted in zip(
        spoken(recorded(), count), spoken(VitsAcoustics(tiny_decoder()), count), strict=True
    ):
        np.testing.assert_allclose(got, wanted, atol=1e-5)


def test_a_recording_is_used_again_and_by_more_streams_than_it_has_rows(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(first_pieces, "ROWS", (1, 2))
    acoustics = recorded()
    first = spoken(acoustics)
    for got, wanted in zip(spoken(acoustics), first, strict=True):
        np.testing.assert_array_equal(got, wanted)


@pytest.mark.parametrize("speed", [1.0, 1.2])
def test_only_first_pieces_are_recorded(speed: float) -> None:
    acoustics = recorded()
    assert acoustics.first_pieces is not None
    source = torch.Generator()
    style = torch.zeros(1, acoustics.decoder.config.gin_channels, 1)
    stream = VitsStream(acoustics.decoder, style, Manner(0.5, speed), torch.arange(5), source)
    tokens = torch.zeros(FIRST_PIECE_TOKENS, dtype=torch.long)
    fits = acoustics.first_pieces.fits
    assert fits(Piece(stream, tokens, False)) is (speed == 1.0)
    assert not fits(Piece(stream, tokens, True))
    assert not fits(Piece(stream, tokens[:-1], False))
    stream.vocoded_frames = 1
    assert not fits(Piece(stream, tokens, False))
