"""Released vocoders: which of the two a file holds, its sizes, and its weights without norm.

The files state no sizes: they are read off the weights. Two things cannot be: kernels of the
upsamplings are twice their rates, and dilations are 1, 3, 5, as in all that was released.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from engine.checkpoints.acoustic_config import VocoderConfig
from engine.checkpoints.convert import Source, convert_network
from engine.checkpoints.parts import build_vocoder
from engine.checkpoints.safe_load import load_weights
from engine.errors import CheckpointError
from engine.models.bigvgan import BigVgan, BigVganConfig
from engine.models.hifigan import HifiGan, HifiGanConfig
from engine.models.weight_norm import fuse_weight_norm

DILATIONS = (1, 3, 5)
NORMED = ".weight_g"

Weights = Mapping[str, Tensor]


def convert_vocoder(source: Source, target: Path, dtype: torch.dtype | None) -> VocoderConfig:
    """Convert a vocoder's checkpoint, BigVGAN or HiFi-GAN; return its sizes.

    Raises:
        CheckpointError: the file is missing, damaged or of another network.
    """
    source.check()
    config = vocoder_config(source.path, load_weights(source.path))

    def select(weights: Weights) -> dict[str, Tensor]:
        return _without_norm(source.path, weights, config)

    convert_network(source, target, "vocoder", dtype=dtype, select=select)
    return config


def vocoder_config(path: Path, weights: Weights) -> VocoderConfig:
    """The sizes that the weights have.

    Raises:
        CheckpointError: they are not those of a vocoder.
    """
    try:
        if "activation_post.act.alpha" in weights:
            return _bigvgan(weights)
        return _hifigan(weights)
    except (KeyError, ZeroDivisionError) as error:
        raise CheckpointError(f"{path} holds no vocoder: it lacks {error}") from error


def _bigvgan(weights: Weights) -> BigVganConfig:
    channels, mels, _ = _shape(weights, "conv_pre")
    stages = _count(weights, "ups.")
    kernels = tuple(_shape(weights, f"ups.{i}.0")[2] for i in range(stages))
    sizes = _block_sizes(weights, stages)
    pairs = _count(weights, "resblocks.0.convs1.")
    return BigVganConfig(mels, channels, _rates(kernels), kernels, sizes, DILATIONS[:pairs])


def _hifigan(weights: Weights) -> HifiGanConfig:
    channels, mels, _ = _shape(weights, "conv_pre")
    stages = _count(weights, "ups.")
    kernels = tuple(_shape(weights, f"ups.{i}")[2] for i in range(stages))
    sizes = _block_sizes(weights, stages)
    dilations = (DILATIONS[: _count(weights, "resblocks.0.convs1.")],) * len(sizes)
    has_bias = "conv_post.bias" in weights
    return HifiGanConfig(
        mels, channels, _rates(kernels), kernels, sizes, dilations, final_bias=has_bias
    )


def _rates(kernels: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(kernel // 2 for kernel in kernels)


def _block_sizes(weights: Weights, stages: int) -> tuple[int, ...]:
    """Kernel sizes of the residual blocks, which every stage has alike."""
    count = _count(weights, "resblocks.") // stages
    return tuple(_shape(weights, f"resblocks.{i}.convs1.0")[2] for i in range(count))


def _shape(weights: Weights, layer: str) -> tuple[int, int, int]:
    """The shape of a convolution's weight, normed or plain."""
    normed = f"{layer}.weight_v"
    first, second, width = weights[normed if normed in weights else f"{layer}.weight"].shape
    return first, second, width


def _count(weights: Weights, prefix: str) -> int:
    """How many numbered layers have keys that begin with `prefix`."""
    return len({key[len(prefix) :].split(".")[0] for key in weights if key.startswith(prefix)})


def _without_norm(path: Path, weights: Weights, config: VocoderConfig) -> dict[str, Tensor]:
    is_normed = any(key.endswith(NORMED) for key in weights)
    if is_normed:
        network = HifiGan(config) if isinstance(config, HifiGanConfig) else BigVgan(config)
    else:
        network = build_vocoder(config)
    try:
        network.load_state_dict(weights, strict=True)
    except RuntimeError as error:
        raise CheckpointError(f"{path} is a vocoder of another make: {error}") from error
    fuse_weight_norm(network)
    return {key: value.detach() for key, value in network.state_dict().items()}
