"""The acoustic half of a released version, described by what its files say and what they do not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import safe_open

from engine.audio.spectrogram import V3_MEL, V4_MEL, MelConfig
from engine.checkpoints.acoustic_config import FlowAcousticConfig, VocoderConfig
from engine.errors import CheckpointError
from engine.models.dit_embeddings import DitConfig
from engine.models.flow_matching import FlowMatchingConfig
from engine.models.inpainting import V3_LIMITS, V4_LIMITS, PieceLimits
from engine.models.vits_decoder import VitsConfig

ESTIMATOR = "cfm.estimator."

Shapes = Mapping[str, tuple[int, ...]]


@dataclass(frozen=True, slots=True)
class MelRates:
    """What no file of a release states: the rates that its networks were trained at."""

    sample_rate_hz: int
    mel: MelConfig
    limits: PieceLimits


BY_MELS = {
    "v3": MelRates(24000, V3_MEL, V3_LIMITS),
    "v4": MelRates(48000, V4_MEL, V4_LIMITS),
}


def vits_config(model: str, symbols: int, config: Mapping[str, Any]) -> VitsConfig:
    """The description of v1, v2, v2Pro and v2ProPlus, of the `config` in the checkpoint."""
    return VitsConfig.from_released(config, symbols=symbols, uses_speaker="Pro" in model)


def flow_config(
    model: str,
    symbols: int,
    config: Mapping[str, Any],
    weights: Path,
    vocoder: VocoderConfig,
) -> FlowAcousticConfig:
    """The description of v3 and v4, of the `config` in the checkpoint and the converted `weights`.

    Raises:
        CheckpointError: the weights are not those of a flow-matching decoder.
        BundleError: the vocoder belongs to another version.
    """
    rates = BY_MELS[model]
    decoder = FlowMatchingConfig.from_released(
        config, symbols=symbols, is_v4=model == "v4", dit=_dit_config(weights)
    )
    described = FlowAcousticConfig(rates.sample_rate_hz, decoder, rates.mel, rates.limits, vocoder)
    described.check()
    return described


def _dit_config(weights: Path) -> DitConfig:
    with safe_open(weights, framework="pt") as file:
        keys = [key for key in file.keys() if key.startswith(ESTIMATOR)]  # noqa: SIM118
        shapes = {
            key.removeprefix(ESTIMATOR): tuple(file.get_slice(key).get_shape()) for key in keys
        }
    try:
        mels, channels = shapes["proj_out.weight"]
        return DitConfig(
            mels=mels,
            text_channels=shapes["text_embed.text_blocks.0.dwconv.weight"][0],
            channels=channels,
            depth=_count(shapes, "transformer_blocks."),
            heads=channels // (2 * shapes["rotary_embed.inv_freq"][0]),
            ff_factor=shapes["transformer_blocks.0.ff.ff.0.0.weight"][0] // channels,
            text_blocks=_count(shapes, "text_embed.text_blocks."),
        )
    except (KeyError, ValueError) as error:
        raise CheckpointError(f"{weights} has no flow-matching network: {error}") from error


def _count(shapes: Shapes, prefix: str) -> int:
    return len({key[len(prefix) :].split(".")[0] for key in shapes if key.startswith(prefix)})
