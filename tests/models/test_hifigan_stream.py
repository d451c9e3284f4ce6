"""HiFi-GAN piece by piece."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
import torch

from engine.models.hifigan import HifiGan, HifiGanConfig
from engine.models.hifigan_stream import stream_of
from engine.models.packed_generator import pack_generator
from engine.models.weight_norm import fuse_weight_norm

CONFIG = HifiGanConfig(
    in_channels=6,
    initial_channels=16,
    upsample_rates=(5, 4, 2),
    upsample_kernel_sizes=(11, 8, 2),
    resblock_kernel_sizes=(3, 7),
    resblock_dilations=((1, 3, 5), (1, 3, 5)),
    gin_channels=5,
)
FRAMES = 40


WIDE = replace(  # whole panels, and with enough channels for points
    CONFIG,
    in_channels=16,
    initial_channels=128,
    resblock_kernel_sizes=(3, 7, 11),
    resblock_dilations=((1, 3, 5),) * 3,
)
KINDS = pytest.mark.parametrize("packed", [False, True], ids=["plain", "packed"])
SIZES = pytest.mark.parametrize("config", [CONFIG, WIDE], ids=["narrow", "wide"])


def generator(*, packed: bool = False, config: HifiGanConfig = CONFIG) -> HifiGan:
    torch.manual_seed(3)
    network = HifiGan(config).eval()
    fuse_weight_norm(network)
    if packed:
        pack_generator(network)
    return network


def latents(config: HifiGanConfig = CONFIG) -> torch.Tensor:
    shape = 1, config.in_channels, FRAMES
    return torch.randn(shape, generator=torch.Generator().manual_seed(4))


@torch.inference_mode()
@pytest.mark.parametrize("sizes", [[40], [1] * 40, [17, 3, 20], [0, 30, 0, 10], [40, 0]])
@KINDS
@SIZES
def test_pieces_join_to_what_one_pass_makes(
    sizes: list[int], packed: bool, config: HifiGanConfig
) -> None:
    network, style = generator(packed=packed, config=config), torch.randn(1, 5, 1)
    z = latents(config)
    stream = stream_of(network, style)
    pieces = []
    for i, piece in enumerate(z.split(sizes, dim=-1)):
        pieces.append(stream.push(piece, last=i == len(sizes) - 1))
    whole = network(z, style)
    assert torch.cat(pieces, dim=-1).shape == whole.shape == (1, 1, FRAMES * CONFIG.hop)
    torch.testing.assert_close(torch.cat(pieces, dim=-1), whole, atol=1e-5, rtol=0)


@torch.inference_mode()
@SIZES
@pytest.mark.parametrize("sizes", [[150], [63, 65, 22], [1, 149]])
def test_pieces_longer_than_a_block_join_as_well(sizes: list[int], config: HifiGanConfig) -> None:
    network, style = generator(packed=True, config=config), torch.randn(1, 5, 1)
    z = torch.randn(1, config.in_channels, sum(sizes))
    stream = stream_of(network, style)
    parts = z.split(sizes, dim=-1)
    pieces = [stream.push(part, last=part is parts[-1]) for part in parts]
    torch.testing.assert_close(torch.cat(pieces, dim=-1), network(z, style), atol=1e-5, rtol=0)


@torch.inference_mode()
def test_an_upsampling_that_adds_a_sample_stays_plain() -> None:
    network = generator(packed=True, config=replace(CONFIG, upsample_kernel_sizes=(11, 8, 3)))
    assert network.packed is None


@torch.inference_mode()
@KINDS
def test_no_more_is_held_back_than_the_reach(packed: bool) -> None:
    stream = stream_of(generator(packed=packed), torch.zeros(1, 5, 1))
    samples = stream.push(latents(), last=False).shape[-1]
    assert FRAMES - CONFIG.reach <= samples / CONFIG.hop < FRAMES


@torch.inference_mode()
@KINDS
def test_streams_of_one_generator_do_not_touch_each_other(packed: bool) -> None:
    network, rng = generator(packed=packed), random.Random(1)
    inputs = [torch.randn(1, 6, FRAMES) for _ in range(3)]
    streams = [stream_of(network, torch.zeros(1, 5, 1)) for _ in inputs]
    heard: list[list[torch.Tensor]] = [[] for _ in inputs]
    at = [0] * 3
    while min(at) < FRAMES:
        i = rng.choice([i for i in range(3) if at[i] < FRAMES])
        until = min(FRAMES, at[i] + rng.randint(1, 9))
        heard[i].append(streams[i].push(inputs[i][..., at[i] : until], last=until == FRAMES))
        at[i] = until
    for z, pieces in zip(inputs, heard, strict=True):
        whole = network(z, torch.zeros(1, 5, 1))
        assert torch.allclose(torch.cat(pieces, dim=-1), whole, atol=1e-5)


@torch.inference_mode()
@SIZES
def test_the_number_of_threads_does_not_change_a_bit(
    config: HifiGanConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.models.kernel_threads.SHARED_BYTES", 0)
    network, before, sounds = generator(packed=True, config=config), torch.get_num_threads(), []
    for threads in (1, 2, 3):
        torch.set_num_threads(threads)
        sounds.append(stream_of(network).push(latents(config), last=True))
    torch.set_num_threads(before)
    assert torch.equal(sounds[0], sounds[1]) and torch.equal(sounds[0], sounds[2])


@torch.inference_mode()
@pytest.mark.parametrize("channels", [24, 48])
def test_channels_that_fill_no_whole_panel_are_computed_as_others(channels: int) -> None:
    network = generator(packed=True, config=replace(CONFIG, initial_channels=channels))
    z, style = latents(), torch.randn(1, 5, 1)
    sound = stream_of(network, style).push(z, last=True)
    assert torch.allclose(sound, network(z, style), atol=1e-5)


@torch.inference_mode()
def test_excerpts_of_unequal_length_sound_as_if_they_were_alone() -> None:
    network, lengths = generator(), (FRAMES, 7, 1, 0)
    z = torch.randn(4, 6, FRAMES, generator=torch.Generator().manual_seed(5))
    styles = torch.randn(4, 5, 1, generator=torch.Generator().manual_seed(6))
    sounds = network(z, styles, torch.tensor(lengths))
    for sound, row, style, frames in zip(sounds, z, styles, lengths, strict=True):
        if frames:
            alone = network(row[None, :, :frames], style[None])[0]
            torch.testing.assert_close(sound[:, : frames * CONFIG.hop], alone, atol=1e-5, rtol=1e-4)
