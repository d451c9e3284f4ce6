"""The acoustic decoder's shapes, fusing and configuration."""

from __future__ import annotations

import torch

from engine.models.vits_decoder import VitsConfig
from engine.models.weight_norm import fuse_weight_norm
from tests.tiny_bundle import ACOUSTIC, tiny_decoder, tiny_prompt

MODEL = {
    "inter_channels": 192,
    "hidden_channels": 192,
    "filter_channels": 768,
    "n_heads": 2,
    "n_layers": 6,
    "kernel_size": 3,
    "p_dropout": 0.1,
    "resblock_kernel_sizes": [3, 7, 11],
    "resblock_dilation_sizes": [[1, 3, 5]] * 3,
    "upsample_rates": [10, 8, 2, 2, 2],
    "upsample_initial_channel": 512,
    "upsample_kernel_sizes": [16, 16, 8, 2, 2],
    "gin_channels": 512,
}
DATA = {"sampling_rate": 32000, "filter_length": 2048, "hop_length": 640}


@torch.inference_mode()
def speak(decoder: torch.nn.Module, tokens: int = 10) -> torch.Tensor:
    style = decoder.mean_style([tiny_prompt().reference_spectrograms[0][None]])
    noise = torch.zeros(1, ACOUSTIC.inter_channels, 2 * tokens)
    return decoder(torch.arange(tokens)[None], torch.arange(12)[None], style, noise)


def test_a_token_becomes_two_frames_of_sound() -> None:
    assert speak(tiny_decoder(), 10).shape == (1, 1, 10 * 2 * ACOUSTIC.hop_length)


def test_fusing_weight_norm_changes_nothing_that_is_heard() -> None:
    decoder = tiny_decoder()
    before = speak(decoder)
    fuse_weight_norm(decoder)
    torch.testing.assert_close(speak(decoder), before, atol=1e-5, rtol=1e-4)
    assert not any("weight_g" in name for name, _ in decoder.named_parameters())


def test_several_references_are_averaged() -> None:
    decoder = tiny_decoder()
    one, two = (torch.rand(1, 352, n) for n in (30, 50))
    with torch.inference_mode():
        mean = (decoder.style(one) + decoder.style(two)) / 2
        torch.testing.assert_close(decoder.mean_style([one, two]), mean)


def test_v1_reads_all_bins_and_later_versions_704() -> None:
    config = {"model": MODEL, "data": DATA}
    v1 = VitsConfig.from_released(config, symbols=322, uses_speaker=False)
    v2 = VitsConfig.from_released(config, symbols=732, uses_speaker=False)
    assert (v1.reference_bins, v2.reference_bins) == (1025, 704)
    assert v2.hifigan.hop == v2.hop_length == 640
