"""Mels piece by piece: what is heard, what is not, and where pieces join."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from engine.audio.spectrogram import denormalize_mel, normalize_mel
from engine.errors import ReferenceAudioError
from engine.models.inpainting import Inpainter, MelPrompt
from engine.pipeline.acoustic import Manner
from engine.pipeline.flow_stream import FlowAcoustics
from engine.types import Samples, VoicePrompt
from tests.tiny_bundle import CODES, tiny_prompt
from tests.tiny_flow import flow_prompt, tiny_flow

TOKENS = torch.randint(CODES, (60,), generator=torch.Generator().manual_seed(1))
PHONEMES = torch.arange(20)
VERSIONS = pytest.mark.parametrize("version", ["v3", "v4"])


@torch.inference_mode()
def spoken(
    acoustics: FlowAcoustics,
    voice: VoicePrompt,
    cuts: list[int],
    *,
    seed: int = 2,
    speed: float = 1.0,
) -> list[Samples]:
    """The pieces of the tokens, cut where `cuts` says."""
    begin = acoustics.in_voice(voice, Manner(0.5, speed))
    stream = begin(PHONEMES, torch.Generator().manual_seed(seed))
    return [stream.decode(TOKENS[:cut], last=cut == cuts[-1]) for cut in cuts]


@VERSIONS
@pytest.mark.parametrize("cuts", [[60], [18, 60], [18, 36, 60], [11, 12, 40, 59, 60]])
def test_pieces_add_up_to_what_the_tokens_demand(version: str, cuts: list[int]) -> None:
    acoustics = tiny_flow(version)
    config = acoustics.networks.config
    demanded = int(120 * config.decoder.frames_per_latent) * config.vocoder.hop
    pieces = spoken(acoustics, flow_prompt(version), cuts)
    assert sum(map(len, pieces)) == demanded
    assert all(np.isfinite(piece).all() for piece in pieces)


@VERSIONS
def test_pieces_are_the_sound_of_all_their_mels_at_once(version: str) -> None:
    acoustics, cuts = tiny_flow(version), [18, 36, 60]
    networks = acoustics.networks
    far = networks.config.vocoder.resblock_kernel_sizes[0] + 2000  # waits for the last piece
    patient = replace(networks.config.vocoder, resblock_kernel_sizes=(far,))
    waiting = replace(networks, config=replace(networks.config, vocoder=patient))
    pieces = spoken(acoustics, flow_prompt(version), cuts)
    at_once = spoken(replace(acoustics, networks=waiting), flow_prompt(version), cuts)
    assert all(len(piece) for piece in pieces)
    assert [len(piece) > 0 for piece in at_once] == [False, False, True]
    np.testing.assert_allclose(np.concatenate(pieces), at_once[-1], atol=1e-5)


@VERSIONS
@torch.inference_mode()
def test_a_whole_sentence_is_inpainted_in_sequence(version: str) -> None:
    acoustics, voice = tiny_flow(version), flow_prompt(version)
    decoder, config = acoustics.networks.decoder, acoustics.networks.config
    style = decoder.mean_style([voice.reference_spectrograms[0][None]])
    assert voice.reference_mel is not None
    known = decoder.features(voice.semantic_tokens[None], voice.phoneme_ids[None], style)
    prompt = MelPrompt.fit(normalize_mel(voice.reference_mel[None]), known, config.limits)
    generator = torch.Generator().manual_seed(2)
    flow = Inpainter(decoder.cfm, 2, lambda shape: torch.randn(shape, generator=generator))
    features = decoder.features(TOKENS[None], PHONEMES[None], style)
    assert features.shape[-1] > config.limits.total - prompt.frames  # more than one piece
    mel = flow.in_sequence(prompt, features, config.limits)
    expected = acoustics.networks.vocoder(denormalize_mel(mel)).flatten().numpy()
    (whole,) = spoken(acoustics, voice, [60])
    np.testing.assert_allclose(whole, expected, atol=1e-6)


@VERSIONS
def test_joins_do_not_click(version: str) -> None:
    acoustics, voice = tiny_flow(version), flow_prompt(version)
    pieces = spoken(acoustics, voice, [18, 36, 60])
    joined = np.concatenate(pieces)
    steps = np.abs(np.diff(joined))
    at = np.cumsum([len(piece) for piece in pieces])[:-1] - 1
    assert steps[at].max() <= steps.max()
    assert steps.max() <= 1.2 * np.abs(np.diff(spoken(acoustics, voice, [60])[0])).max()


@VERSIONS
def test_the_reference_is_never_heard(version: str) -> None:
    acoustics = tiny_flow(version, still=True)
    one, other = flow_prompt(version, seed=1), flow_prompt(version, seed=2)
    assert one.reference_mel is not None and other.reference_mel is not None
    assert not torch.equal(one.reference_mel, other.reference_mel)
    for cuts in ([60], [18, 36, 60]):
        first, second = (spoken(acoustics, voice, cuts) for voice in (one, other))
        np.testing.assert_array_equal(np.concatenate(first), np.concatenate(second))


@VERSIONS
def test_the_reference_is_what_the_flow_goes_on_from(version: str) -> None:
    acoustics = tiny_flow(version)
    first, second = (spoken(acoustics, flow_prompt(version, seed), [60])[0] for seed in (1, 2))
    assert not np.allclose(first, second)


@VERSIONS
def test_the_same_seed_gives_the_same_sound(version: str) -> None:
    acoustics, voice = tiny_flow(version), flow_prompt(version)
    first, again = (np.concatenate(spoken(acoustics, voice, [18, 60])) for _ in range(2))
    other = np.concatenate(spoken(acoustics, voice, [18, 60], seed=3))
    np.testing.assert_array_equal(first, again)
    assert not np.allclose(first, other)


@VERSIONS
def test_another_speed_changes_the_length_and_waits_for_the_end(version: str) -> None:
    acoustics, voice = tiny_flow(version), flow_prompt(version)
    begin = acoustics.in_voice(voice, Manner(0.5, 1.5))
    assert not begin(PHONEMES, torch.Generator()).incremental
    (fast,) = spoken(acoustics, voice, [60], speed=1.5)
    config = acoustics.networks.config
    frames = int((int(120 / 1.5) + 1) * config.decoder.frames_per_latent)
    assert len(fast) == frames * config.vocoder.hop


def test_a_voice_without_mels_is_refused() -> None:
    with pytest.raises(ReferenceAudioError, match="make it again from its recording"):
        tiny_flow("v3").in_voice(tiny_prompt(), Manner(0.5, 1.0))


def test_a_voice_of_another_version_is_refused() -> None:
    with pytest.raises(ReferenceAudioError, match="at the rate that this bundle reads"):
        tiny_flow("v4").in_voice(flow_prompt("v3"), Manner(0.5, 1.0))
