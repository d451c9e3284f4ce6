"""Tiny acoustic halves that go by mels, with random weights, at the rates of v3 and v4."""

from __future__ import annotations

from dataclasses import replace

import torch

from engine.audio.spectrogram import MelConfig
from engine.checkpoints.acoustic_config import FlowAcousticConfig
from engine.checkpoints.bundle_folder import SpeechDefaults
from engine.checkpoints.parts import FlowNetworks, build_vocoder
from engine.models.attention import EncoderConfig
from engine.models.bigvgan import BigVganConfig
from engine.models.cfm import FlowOptions
from engine.models.dit_embeddings import DitConfig
from engine.models.flow_matching import FlowMatchingConfig, FlowMatchingDecoder
from engine.models.hifigan import HifiGanConfig
from engine.models.inpainting import PieceLimits
from engine.pipeline.bundle import Bundle
from engine.pipeline.flow_stream import FlowAcoustics
from engine.types import VoicePrompt
from engine.voices.prompting import PromptMaker
from tests.tiny_bundle import CODES, SYMBOLS, tiny_bundle, tiny_prompt

MELS = 6
DIT = DitConfig(MELS, text_channels=16, channels=32, depth=1, heads=2, text_blocks=1)
BIGVGAN = BigVganConfig(MELS, 16, (4, 2), (8, 4), (3,), (1,))
HIFIGAN = HifiGanConfig(MELS, 16, (4, 4), (8, 8), (3,), ((1,),), final_bias=True)


def flow_config(version: str) -> FlowAcousticConfig:
    """The description of a tiny `v3` or `v4`."""
    is_v4 = version == "v4"
    decoder = FlowMatchingConfig(
        symbols=SYMBOLS,
        encoder=EncoderConfig(16, 32, 2, 2, 3, 0.0),
        frames_per_latent=2.0 if is_v4 else 1.875,
        frames_per_token=4.0 if is_v4 else 3.875,
        inter_channels=16,
        gin_channels=8,
        reference_bins=352,
        content_dimension=16,
        codes=CODES,
        style_channels=8,
        reference_rate_hz=16000,
        filter_length=1024,
        hop_length=320,
        dit=DIT,
    )
    limits = PieceLimits(prompt=60, total=140)
    if is_v4:
        mel = MelConfig(16000, n_fft=640, hop_samples=160, win_samples=640, mels=MELS)
        return FlowAcousticConfig(1600, decoder, mel, limits, HIFIGAN)
    mel = MelConfig(24000, n_fft=1024, hop_samples=256, win_samples=1024, mels=MELS)
    return FlowAcousticConfig(750, decoder, mel, limits, BIGVGAN)


def tiny_flow(version: str, *, still: bool = False) -> FlowAcoustics:
    """The networks; with `still` the flow has no velocity: mels are the noise they began as."""
    torch.manual_seed(0)
    config = flow_config(version)
    decoder, vocoder = FlowMatchingDecoder(config.decoder), build_vocoder(config.vocoder)
    with torch.no_grad():
        vocoder.conv_post.weight.mul_(3)
        if still:
            decoder.cfm.estimator.proj_out.weight.zero_()
            decoder.cfm.estimator.proj_out.bias.zero_()
    return FlowAcoustics(FlowNetworks(config, decoder.eval(), vocoder.eval()), FlowOptions(2))


def flow_prompt(version: str, seed: int = 0) -> VoicePrompt:
    """A voice that nobody has, with mels of its reference at the version's rate."""
    frames = round(60 * flow_config(version).decoder.frames_per_latent)
    generator = torch.Generator().manual_seed(seed)
    mel = 2 * torch.randn(MELS, frames, generator=generator) - 5
    return replace(tiny_prompt(), reference_mel=mel)


def tiny_flow_bundle(version: str) -> Bundle:
    """The tiny bundle, with an acoustic half that goes by mels."""
    bundle, acoustics = tiny_bundle(), tiny_flow(version)
    networks, defaults = acoustics.networks, bundle.config.defaults
    maker = PromptMaker(
        bundle.prompt_maker.content_encoder, networks.decoder, mel=networks.config.mel
    )
    config = replace(
        bundle.config,
        version=version,
        acoustic=networks.config,
        defaults=replace(defaults, flow=FlowOptions(2)),
    )
    assert isinstance(config.defaults, SpeechDefaults)
    return replace(bundle, config=config, acoustics=acoustics, prompt_maker=maker)
