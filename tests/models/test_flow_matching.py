"""Mels by flow matching, in one piece and in many, with small random networks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest
import torch
from torch import Tensor

from engine.models.attention import EncoderConfig
from engine.models.cfm import ConditionalFlow, FlowTask
from engine.models.dit import DiffusionTransformer
from engine.models.dit_embeddings import DitConfig, RotaryEmbedding
from engine.models.flow_matching import FlowMatchingConfig, FlowMatchingDecoder
from engine.models.inpainting import (
    Inpainter,
    MelPrompt,
    PieceLimits,
    Work,
    in_lockstep,
    overlapping_windows,
)

DIT = DitConfig(mels=6, text_channels=16, channels=32, depth=2, heads=2, ff_factor=2, text_blocks=1)


@pytest.fixture(autouse=True)
def _inference() -> Iterator[None]:
    torch.manual_seed(0)
    with torch.inference_mode():
        yield


def decoder(*, is_v4: bool) -> FlowMatchingDecoder:
    config = FlowMatchingConfig(
        symbols=40,
        encoder=EncoderConfig(16, 32, 2, 2, 3, 0.0),
        frames_per_latent=2.0 if is_v4 else 1.875,
        frames_per_token=4.0 if is_v4 else 3.875,
        inter_channels=16,
        gin_channels=16,
        reference_bins=20,
        content_dimension=24,
        codes=30,
        style_channels=16,
        dit=DIT,
    )
    return FlowMatchingDecoder(config).eval()


@pytest.mark.parametrize(
    ("is_v4", "speed", "frames"),
    [(False, 1.0, 75), (True, 1.0, 80), (False, 1.25, 61), (True, 1.25, 66), (True, 0.5, 162)],
)
def test_features_come_at_the_mel_rate(is_v4: bool, speed: float, frames: int) -> None:
    model = decoder(is_v4=is_v4)
    codes, phonemes = torch.randint(0, 30, (1, 20)), torch.randint(0, 40, (1, 9))
    style = model.mean_style([torch.rand(1, 25, 12), torch.rand(1, 25, 30)])
    assert model.features(codes, phonemes, style, speed).shape == (1, 16, frames)


def test_the_prompts_frames_stay_zero_and_the_rest_moves() -> None:
    flow = ConditionalFlow(DIT).eval()
    noise, prompt = torch.randn(1, 6, 20), torch.randn(1, 6, 8)
    mel = flow(torch.randn(1, 16, 20), torch.tensor([20]), prompt, noise, steps=3)
    assert mel[..., :8].abs().max() == 0
    assert not torch.equal(mel[..., 8:], noise[..., 8:])


def test_without_velocity_the_noise_is_returned() -> None:
    flow = ConditionalFlow(DIT).eval()
    flow.estimator.proj_out.weight.zero_()
    flow.estimator.proj_out.bias.zero_()
    noise = torch.randn(2, 6, 10)
    lengths = torch.tensor([10, 7])
    mel = flow(torch.randn(2, 16, 10), lengths, torch.zeros(2, 6, 0), noise, steps=2, guidance=0.5)
    torch.testing.assert_close(mel, noise)


def test_no_guidance_is_guidance_of_zero() -> None:
    flow = ConditionalFlow(DIT).eval()
    inputs = (torch.randn(1, 16, 9), torch.tensor([9]), torch.randn(1, 6, 3), torch.randn(1, 6, 9))
    plain = flow(*inputs, steps=2)
    torch.testing.assert_close(plain, flow(*inputs, steps=2, guidance=0.0))
    assert not torch.allclose(plain, flow(*inputs, steps=2, guidance=0.7))


def test_frames_beyond_a_rows_length_do_not_reach_its_attention() -> None:
    network = DiffusionTransformer(DIT).eval()
    block, rotation = network.transformer_blocks[0], network.rotary_embed(12)
    mask = torch.arange(12)[None] < 8
    x, time = torch.randn(1, 12, 32), torch.randn(1, 32)
    other = x.clone()
    other[:, 8:] += 1
    before, after = block(x, time, mask, rotation), block(other, time, mask, rotation)
    torch.testing.assert_close(before[:, :8], after[:, :8])


def test_rotation_keeps_pairs_and_starts_at_rest() -> None:
    cosine, sine = RotaryEmbedding(8)(5)
    assert cosine.shape == (5, 8)
    assert torch.equal(cosine[:, 0::2], cosine[:, 1::2])
    assert (cosine[0] == 1).all()
    assert (sine[0] == 0).all()


def test_a_prompt_is_cut_to_the_last_frames_of_the_shorter() -> None:
    mel, features = torch.arange(30.0).expand(1, 6, 30), torch.arange(25.0).expand(1, 16, 25)
    prompt = MelPrompt.fit(mel, features, PieceLimits(prompt=10, total=20))
    assert prompt.mel[0, 0].tolist() == list(range(15, 25))
    assert torch.equal(prompt.mel[0, 0], prompt.features[0, 0])


def test_long_speech_is_made_in_pieces_that_continue_each_other() -> None:
    shapes: list[tuple[int, int, int]] = []

    def noise(shape: tuple[int, int, int]) -> Tensor:
        shapes.append(shape)
        return torch.randn(shape)

    prompt = MelPrompt(torch.randn(1, 6, 8), torch.randn(1, 16, 8))
    inpainter = Inpainter(ConditionalFlow(DIT).eval(), 1, noise)
    mel = inpainter.in_sequence(prompt, torch.randn(1, 16, 29), PieceLimits(prompt=8, total=20))
    assert mel.shape == (1, 6, 29)
    assert shapes == [(1, 6, 20), (1, 6, 20), (1, 6, 13)]


def test_windows_overlap_and_cover_everything_once() -> None:
    features = torch.arange(1.0, 31.0).expand(1, 2, 30)
    windows = overlapping_windows(features, length=12, overlap=4)
    assert windows.shape[1:] == (2, 12)
    assert windows[0, 0].tolist() == [0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8]
    assert torch.equal(windows[1:, :, :4], windows[:-1, :, -4:])
    without_overlap = windows[:, 0, 4:].flatten()
    assert without_overlap[:30].tolist() == features[0, 0].tolist()
    assert (without_overlap[30:] == 0).all()


def test_windows_at_once_equal_each_alone() -> None:
    noise = torch.randn(3, 6, 12)
    prompt = MelPrompt(torch.randn(1, 6, 4), torch.randn(1, 16, 4))
    windows, flow = torch.randn(3, 16, 8), ConditionalFlow(DIT).eval()
    together = Inpainter(flow, 2, lambda _shape: noise).at_once(prompt, windows)
    alone = Inpainter(flow, 2, lambda _shape: noise[1:2]).at_once(prompt, windows[1:2])
    torch.testing.assert_close(together[1:2], alone)


def task(frames: int, known: int, steps: int) -> FlowTask:
    return FlowTask(
        torch.randn(1, 16, frames), torch.randn(1, 6, known), torch.randn(1, 6, frames), steps
    )


@pytest.mark.parametrize("guidance", [0.0, 0.5])
def test_rows_of_a_mixed_batch_are_what_they_are_alone(guidance: float) -> None:
    flow = ConditionalFlow(DIT).eval()
    tasks = [task(40, 12, 2), task(31, 3, 5), task(40, 20, 3), task(9, 0, 1)]
    together = flow.together(tasks, guidance)
    for each, mel in zip(tasks, together, strict=True):
        lengths = torch.tensor([each.frames])
        alone = flow(each.features, lengths, each.prompt, each.noise, each.steps, guidance)
        torch.testing.assert_close(mel, alone[..., each.prompt.shape[-1] :], atol=1e-5, rtol=1e-5)


def test_works_of_different_length_share_batches_and_end_on_their_own() -> None:
    limits, counted = PieceLimits(prompt=10, total=30), Counted(DIT).eval()
    prompts = [MelPrompt(torch.randn(1, 6, p), torch.randn(1, 16, p)) for p in (10, 8, 10)]
    features = [torch.randn(1, 16, frames) for frames in (70, 21, 39)]
    noise = torch.randn(1, 6, 30)

    def works() -> list[Work[Tensor]]:
        flow = Inpainter(counted, 2, lambda shape: noise[..., : shape[-1]])
        pairs = zip(prompts, features, strict=True)
        return [flow.work(prompt, each, limits) for prompt, each in pairs]

    alone = [in_lockstep(counted, [work])[0] for work in works()]
    counted.batches.clear()
    together = in_lockstep(counted, works())
    assert counted.batches == [3, 2, 1, 1]
    for one, same in zip(alone, together, strict=True):
        torch.testing.assert_close(one, same, atol=1e-5, rtol=1e-5)


class Counted(ConditionalFlow):
    """Notes how many rows its batches have."""

    def __init__(self, config: DitConfig) -> None:
        super().__init__(config)
        self.batches: list[int] = []

    def together(self, tasks: Sequence[FlowTask], guidance: float = 0.0) -> list[Tensor]:
        self.batches.append(len(tasks))
        return super().together(tasks, guidance)
