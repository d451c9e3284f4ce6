"""Bundle folders of the released sizes with synthetic weights, one for each version."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from engine.audio.spectrogram import V3_MEL, V4_MEL
from engine.checkpoints.acoustic_config import FlowAcousticConfig
from engine.checkpoints.bundle_folder import (
    BERT_VOCABULARY,
    BundleConfig,
    SpeechDefaults,
    write_config,
)
from engine.checkpoints.parts import build_vocoder
from engine.checkpoints.released_bundle import LANGUAGES, SYMBOLS
from engine.checkpoints.uninitialized import Uninitialized
from engine.models.attention import EncoderConfig
from engine.models.bert import BertFeatures
from engine.models.bigvgan import BigVganConfig
from engine.models.cfm import FlowOptions
from engine.models.flow_matching import FlowMatchingConfig, FlowMatchingDecoder
from engine.models.hifigan import HifiGanConfig
from engine.models.hubert import ContentEncoder
from engine.models.inpainting import V3_LIMITS, V4_LIMITS
from engine.models.speaker_encoder import SpeakerEncoder, SpeakerEncoderConfig
from engine.models.text_to_semantic import TextToSemantic, TextToSemanticConfig
from engine.models.vits_decoder import VitsConfig, VitsDecoder

VERSIONS = ("v1", "v2", "v2Pro", "v2ProPlus", "v3", "v4")
V1_PHONEMES = 512  # rows of its text-to-semantic embedding, more than it has symbols
ENCODER = EncoderConfig(192, 768, 2, 6, 3, 0.1)
V4_VOCODER = HifiGanConfig(100, 512, (10, 6, 2, 2, 2), (20, 12, 4, 4, 4), final_bias=True)
BERT: dict[str, Any] = {
    "hidden_size": 1024,
    "num_hidden_layers": 24,
    "num_attention_heads": 16,
    "intermediate_size": 4096,
    "vocab_size": 21128,
}
CHARACTERS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "今", "天", "气", "很", "好", "。"]
BLOCK = 2**20


def write_version(version: str, folder: Path, shared: Path) -> Path:
    """Write a bundle of `version` into `folder`; networks of one size lie in `shared` once."""
    folder.mkdir(parents=True)
    shared.mkdir(exist_ok=True)
    config = describe(version)
    with Uninitialized():
        for name, network in _networks(config).items():
            sizes = sum(parameter.numel() for parameter in network.parameters())
            kept = shared / f"{name}-{sizes}.safetensors"
            if not kept.exists():
                save_file(_filled(network.state_dict()), kept)
            os.link(kept, folder / f"{name}.safetensors")
    (folder / BERT_VOCABULARY).write_text("\n".join(CHARACTERS) + "\n", "utf-8")
    write_config(folder, config)
    return folder


def describe(version: str) -> BundleConfig:
    """What `bundle.json` says of a released version."""
    symbols = "v1" if version == "v1" else "v2"
    by_mels = version in ("v3", "v4")
    phonemes = V1_PHONEMES if symbols == "v1" else SYMBOLS[symbols]
    return BundleConfig(
        name=version,
        version=version,
        symbols=symbols,
        languages=LANGUAGES[symbols],
        text_to_semantic=TextToSemanticConfig(symbols=phonemes),
        acoustic=_flow(version) if by_mels else _vits(version, SYMBOLS[symbols]),
        content_encoder={},
        defaults=SpeechDefaults(flow=FlowOptions() if by_mels else None),
        voices=(),
        sha256={},
        bert=dict(BERT),
        speaker_encoder=SpeakerEncoderConfig() if "Pro" in version else None,
    )


def _vits(version: str, symbols: int) -> VitsConfig:
    is_pro, is_plus = "Pro" in version, version == "v2ProPlus"
    gin = 1024 if is_pro else 512
    return VitsConfig(
        sample_rate_hz=32000,
        filter_length=2048,
        hop_length=640,
        symbols=symbols,
        reference_bins=1025 if version == "v1" else 704,
        encoder=ENCODER,
        hifigan=HifiGanConfig(
            in_channels=192,
            initial_channels=768 if is_plus else 512,
            upsample_rates=(10, 8, 2, 2, 2),
            upsample_kernel_sizes=(20 if is_plus else 16, 16, 8, 2, 2),
            gin_channels=gin,
        ),
        inter_channels=192,
        gin_channels=gin,
        speaker_dimension=SpeakerEncoderConfig().embedding_size if is_pro else 0,
    )


def _flow(version: str) -> FlowAcousticConfig:
    is_v4 = version == "v4"
    decoder = FlowMatchingConfig(
        symbols=SYMBOLS["v2"],
        encoder=ENCODER,
        frames_per_latent=2.0 if is_v4 else 1.875,
        frames_per_token=4.0 if is_v4 else 3.875,
    )
    if is_v4:
        return FlowAcousticConfig(48000, decoder, V4_MEL, V4_LIMITS, V4_VOCODER)
    return FlowAcousticConfig(24000, decoder, V3_MEL, V3_LIMITS, BigVganConfig())


def _networks(config: BundleConfig) -> dict[str, nn.Module]:
    networks: dict[str, nn.Module] = {
        "text_to_semantic": TextToSemantic(config.text_to_semantic),
        "content_encoder": ContentEncoder(config.content_encoder),
        "bert": BertFeatures(config.bert or {}),
    }
    acoustic = config.acoustic
    if isinstance(acoustic, VitsConfig):
        networks["acoustic"] = VitsDecoder(acoustic)
    else:
        networks["acoustic"] = FlowMatchingDecoder(acoustic.decoder)
        networks["vocoder"] = build_vocoder(acoustic.vocoder)
    if config.speaker_encoder is not None:
        networks["speaker_encoder"] = SpeakerEncoder(config.speaker_encoder)
    return networks


def _filled(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Small random numbers in place of every weight, the same block over and over."""
    block = 0.02 * torch.randn(BLOCK, generator=torch.Generator().manual_seed(0))
    return {
        key: block.repeat(-(-value.numel() // BLOCK))[: value.numel()].view(value.shape).clone()
        if value.is_floating_point()
        else torch.ones_like(value)
        for key, value in state.items()
    }
