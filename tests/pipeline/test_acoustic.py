"""Incremental decoding against decoding at once."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from engine.errors import EngineError
from engine.pipeline.acoustic import Manner, Piece
from engine.pipeline.vits_stream import VitsAcoustics, VitsStream
from engine.types import Samples
from tests.tiny_bundle import ACOUSTIC, CODES, tiny_decoder, tiny_prompt

HOP = ACOUSTIC.hop_length


def new_stream(speed: float = 1.0) -> VitsStream:
    decoder = tiny_decoder()
    with torch.inference_mode():
        style = decoder.mean_style([tiny_prompt().reference_spectrograms[0][None]])
    generator = torch.Generator().manual_seed(2)
    return VitsStream(decoder, style, Manner(0.5, speed), torch.arange(20), generator)


@torch.inference_mode()
def decoded(cuts: list[int], tokens: torch.Tensor) -> Samples:
    stream = new_stream()
    pieces = [stream.decode(tokens[:cut], last=cut == len(tokens)) for cut in cuts]
    return np.concatenate(pieces)


@pytest.mark.parametrize("cuts", [[60], [14, 60], [14, 36, 60], [10, 20, 30, 40, 50, 60]])
def test_pieces_add_up_to_the_whole_length(cuts: list[int]) -> None:
    tokens = torch.randint(CODES, (60,), generator=torch.Generator().manual_seed(1))
    assert len(decoded(cuts, tokens)) == 60 * 2 * HOP


def test_pieces_join_without_a_click() -> None:
    tokens = torch.randint(CODES, (60,), generator=torch.Generator().manual_seed(1))
    joined, whole = decoded([14, 36, 60], tokens), decoded([60], tokens)
    assert np.abs(np.diff(joined)).max() <= 1.2 * np.abs(np.diff(whole)).max()


def test_the_end_of_a_sentence_is_what_decoding_at_once_gives() -> None:
    tokens = torch.randint(CODES, (60,), generator=torch.Generator().manual_seed(1))
    joined, whole = decoded([14, 36, 60], tokens), decoded([60], tokens)
    tail = 20 * 2 * HOP  # decoded from all tokens in both
    np.testing.assert_allclose(joined[-tail:], whole[-tail:], atol=1e-4)


def test_another_speed_waits_for_the_whole_sentence() -> None:
    assert not new_stream(speed=1.5).incremental
    assert new_stream().incremental


@torch.inference_mode()
@pytest.mark.parametrize("speeds", [(1.0, 1.0, 1.0, 1.0), (1.0, 1.3, 1.0, 1.0)])
def test_streams_together_say_what_they_would_alone(speeds: tuple[float, ...]) -> None:
    """Sentences of several lengths, begun at different times, with noise and speed of their own."""
    decoder = tiny_decoder()
    assert decoder.dec.packed is None
    style = decoder.mean_style([tiny_prompt().reference_spectrograms[0][None]])

    def streams() -> list[VitsStream]:
        return [
            VitsStream(
                decoder,
                style * (1 + i / 4),
                Manner(0.3 + i / 10, speed),
                torch.arange(12 + 5 * i),
                torch.Generator().manual_seed(i),
            )
            for i, speed in enumerate(speeds)
        ]

    source = torch.Generator().manual_seed(1)
    tokens = [torch.randint(CODES, (n,), generator=source) for n in (60, 33, 41, 60)]
    rounds = [{0: 14, 3: 14}, {0: 36, 1: 33, 3: 36}, {0: 60, 2: 20, 3: 60}, {2: 41}]
    alone, together = streams(), streams()
    acoustics = VitsAcoustics(decoder)
    for each in rounds:
        pieces = [Piece(together[i], tokens[i][:n], n == len(tokens[i])) for i, n in each.items()]
        sounds = acoustics.decode(pieces)
        for (i, n), sound in zip(each.items(), sounds, strict=True):
            assert not isinstance(sound, EngineError)
            expected = alone[i].decode(tokens[i][:n], last=n == len(tokens[i]))
            np.testing.assert_allclose(sound, expected, atol=1e-5)
