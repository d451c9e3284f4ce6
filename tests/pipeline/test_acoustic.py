"""Incremental decoding against decoding at once."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from engine.pipeline.acoustic import Manner
from engine.pipeline.vits_stream import VitsStream
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
