"""Pieces in batches sound like those that a stream decodes alone, recorded or not."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from engine.models.recording import Recorder, repeat
from engine.pipeline import piece_batches
from engine.pipeline.acoustic import Manner, Piece
from engine.pipeline.piece_batches import PieceBatches, Size
from engine.pipeline.vits_stream import FIRST_PIECE_TOKENS, VitsAcoustics, VitsStream
from engine.types import Samples
from tests.tiny_bundle import ACOUSTIC, CODES, SYMBOLS, tiny_decoder

PHONEMES = (9, 70, 20, 12)
TOKENS = (60, 33, 41, 60)
ROUNDS = ({0: 14, 3: 14}, {0: 36, 1: 33, 3: 36}, {0: 60, 2: 20, 3: 60}, {2: 41})
RECORDERS = pytest.mark.parametrize("record", [None, repeat], ids=["unrecorded", "recorded"])


def acoustics(record: Recorder | None) -> VitsAcoustics:
    decoder = tiny_decoder()
    return VitsAcoustics(decoder, PieceBatches(decoder, decoder.dec, record))


def new_streams(speeds: tuple[float, ...] = (1.0,) * 4) -> list[VitsStream]:
    decoder, source = tiny_decoder(), torch.Generator().manual_seed(3)
    styles = torch.randn(4, 1, ACOUSTIC.gin_channels, 1, generator=source)
    return [
        VitsStream(
            decoder,
            style,
            Manner(0.2 * i, speed),
            torch.randint(SYMBOLS, (PHONEMES[i],), generator=source),
            torch.Generator().manual_seed(i),
        )
        for i, (style, speed) in enumerate(zip(styles, speeds, strict=True))
    ]


def said(decoder: VitsAcoustics, streams: list[VitsStream]) -> list[Samples]:
    """What the streams say in rounds: sentences of several lengths, begun at different times."""
    source = torch.Generator().manual_seed(1)
    tokens = [torch.randint(CODES, (n,), generator=source) for n in TOKENS]
    heard: list[list[Samples]] = [[] for _ in streams]
    for each in ROUNDS:
        pieces = [Piece(streams[i], tokens[i][:n], n == TOKENS[i]) for i, n in each.items()]
        for i, sound in zip(each, decoder.decode(pieces), strict=True):
            assert not isinstance(sound, Exception)
            heard[i].append(sound)
    return [np.concatenate(each) for each in heard]


@RECORDERS
@pytest.mark.parametrize("speeds", [(1.0, 1.0, 1.0, 1.0), (1.0, 1.3, 1.0, 1.0)])
def test_batches_say_what_streams_say(record: Recorder | None, speeds: tuple[float, ...]) -> None:
    alone = said(VitsAcoustics(tiny_decoder()), new_streams(speeds))
    together = said(acoustics(record), new_streams(speeds))
    for got, wanted in zip(together, alone, strict=True):
        assert len(got) == len(wanted)
        np.testing.assert_allclose(got, wanted, atol=1e-5)


def test_a_recording_is_used_again_and_by_more_streams_than_it_has_rows(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(piece_batches, "ROWS", (1, 2))
    batches = acoustics(repeat)
    first = said(batches, new_streams())
    for got, wanted in zip(said(batches, new_streams()), first, strict=True):
        np.testing.assert_array_equal(got, wanted)


def test_what_is_larger_than_usual_is_decoded_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(piece_batches, "SIZES", (Size(36, 72, 64),))
    alone = said(VitsAcoustics(tiny_decoder()), new_streams())
    for got, wanted in zip(said(acoustics(repeat), new_streams()), alone, strict=True):
        np.testing.assert_allclose(got, wanted, atol=1e-5)


def test_a_first_piece_is_heard_as_far_as_later_frames_cannot_change_it() -> None:
    (stream, *_), batches = new_streams(), acoustics(None)
    tokens = torch.zeros(FIRST_PIECE_TOKENS, dtype=torch.long)
    (sound,) = batches.decode([Piece(stream, tokens, False)])
    held = piece_batches.HELD_FRAMES + ACOUSTIC.hifigan.reach
    assert len(sound) == (2 * FIRST_PIECE_TOKENS - held) * ACOUSTIC.hop_length


def test_streams_have_not_moved_when_a_batch_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    streams, batches = new_streams(), acoustics(None)
    tokens = torch.zeros(FIRST_PIECE_TOKENS, dtype=torch.long)
    pieces = [Piece(stream, tokens, False) for stream in streams]
    sound, calls = PieceBatches.sound, []

    def fail(self: PieceBatches, batch: piece_batches.Batch) -> torch.Tensor:
        calls.append(len(batch.codes))
        if len(batch.codes) > 1:
            raise torch.OutOfMemoryError("several are too many")
        return sound(self, batch)

    monkeypatch.setattr(PieceBatches, "sound", fail)
    found = batches.decode(pieces)
    assert calls == [4, 1, 1, 1, 1]
    monkeypatch.undo()
    for got, wanted in zip(
        found,
        acoustics(None).decode([Piece(stream, tokens, False) for stream in new_streams()]),
        strict=True,
    ):
        np.testing.assert_allclose(got, wanted, atol=1e-5)
