"""How far a vocoder looks: what pieces of sound must overlap by to be those of the whole."""

from __future__ import annotations

import pytest
import torch

from engine.models.bigvgan import BigVgan, BigVganConfig
from engine.models.hifigan import HifiGan, HifiGanConfig

CONFIGS = (
    BigVganConfig(6, 16, (4, 2), (8, 4), (3, 7), (1, 3)),
    BigVganConfig(6, 8, (4,), (8,), (3,), (1,)),
    HifiGanConfig(6, 16, (5, 3), (10, 6), (3, 5), ((1, 3),) * 2),
    HifiGanConfig(6, 16, (4, 2), (16, 8), (3,), ((1,),)),
)


@pytest.mark.parametrize("config", CONFIGS)
@torch.inference_mode()
def test_a_frame_is_heard_no_further_than_the_reach(config: BigVganConfig | HifiGanConfig) -> None:
    torch.manual_seed(0)
    vocoder = HifiGan(config) if isinstance(config, HifiGanConfig) else BigVgan(config)
    reach, hop = config.reach, config.hop
    frames, changed = 4 * reach + 20, 2 * reach + 10
    mel = torch.randn(1, 6, frames, dtype=torch.float64)
    other = mel.clone()
    other[..., changed] += 3
    vocoder.double()
    moved = (vocoder(mel) != vocoder(other)).flatten().nonzero().flatten()
    first, last = int(moved[0]) // hop, int(moved[-1]) // hop
    assert changed - reach <= first < changed < last <= changed + reach
    assert max(changed - first, last - changed) >= reach // 2  # not far more than it must be


def test_official_vocoders_reach_a_fraction_of_a_second() -> None:
    v4 = HifiGanConfig(100, 512, (10, 6, 2, 2, 2), (20, 12, 4, 4, 4), final_bias=True)
    assert BigVganConfig().reach / 93.75 < 0.5
    assert v4.reach / 100 < 0.2
