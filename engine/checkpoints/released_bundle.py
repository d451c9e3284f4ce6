"""Make a bundle, ready to be loaded, of released checkpoints of v1, v2, v2Pro and v2ProPlus."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from engine.checkpoints.bundle_folder import (
    BundleConfig,
    SpeechDefaults,
    load_network,
    write_config,
)
from engine.checkpoints.convert import Source, convert_network, convert_pair
from engine.errors import CheckpointError
from engine.models.hubert import ContentEncoder
from engine.models.text_to_semantic import TextToSemantic, TextToSemanticConfig
from engine.models.vits_decoder import VitsConfig, VitsDecoder

SYMBOLS = {"v1": 322, "v2": 732}
LANGUAGES = {"v1": ("zh", "en", "ja"), "v2": ("zh", "en", "ja", "ko", "yue")}
CONTENT_FIELDS = (
    "conv_bias",
    "conv_dim",
    "conv_kernel",
    "conv_stride",
    "do_stable_layer_norm",
    "feat_extract_activation",
    "feat_extract_norm",
    "hidden_act",
    "hidden_size",
    "intermediate_size",
    "layer_norm_eps",
    "num_attention_heads",
    "num_conv_pos_embedding_groups",
    "num_conv_pos_embeddings",
    "num_hidden_layers",
)


@dataclass(frozen=True, slots=True)
class ReleasedFiles:
    """What a release consists of.

    Attributes:
        semantic, acoustic: the `.ckpt` and the `.pth`.
        content: HuBERT's weights; `content_config`: the `config.json` beside them.
    """

    semantic: Source
    acoustic: Source
    content: Source
    content_config: Path


def make_bundle(
    files: ReleasedFiles, target: Path, *, name: str, dtype: torch.dtype | None = None
) -> BundleConfig:
    """Convert `files` into the bundle folder `target` and return its description.

    Every network is built and filled strictly before `bundle.json` is written, so a folder
    that has one can be loaded.

    Raises:
        CheckpointError: a file is damaged, unsafe, not the pinned one, or of v3 or v4.
        BundleError: the weights do not fit the sizes that their configuration states.
    """
    release = json.loads(
        convert_pair(files.semantic, files.acoustic, target, dtype=dtype).read_text("utf-8")
    )
    convert_network(files.content, target, "content_encoder", dtype=dtype)
    config = _config(release, _content_config(files.content_config), name)
    for part, network in _networks(config).items():
        load_network(network, target / f"{part}.safetensors")
    write_config(target, config)
    return config


def _config(release: Mapping[str, Any], content: dict[str, Any], name: str) -> BundleConfig:
    model, symbols = release["model"], release["symbols"]
    if model in ("v3", "v4"):
        raise CheckpointError(f"a bundle of {model} has no description yet; its networks have")
    described = {part: network["config"] for part, network in release["networks"].items()}
    try:
        return BundleConfig(
            name=name,
            version=model,
            symbols=symbols,
            languages=LANGUAGES[symbols],
            text_to_semantic=TextToSemanticConfig.from_released(described["text_to_semantic"]),
            acoustic=VitsConfig.from_released(
                described["acoustic"], symbols=SYMBOLS[symbols], uses_speaker="Pro" in model
            ),
            content_encoder=content,
            defaults=SpeechDefaults(),
            voices=(),
            sha256={},
        )
    except KeyError as error:
        raise CheckpointError(f"the configuration of the checkpoint lacks {error}") from error


def _content_config(path: Path) -> dict[str, Any]:
    try:
        fields = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{path} cannot be read: {error}") from error
    return {field: fields[field] for field in CONTENT_FIELDS if field in fields}


def _networks(config: BundleConfig) -> dict[str, nn.Module]:
    return {
        "text_to_semantic": TextToSemantic(config.text_to_semantic),
        "acoustic": VitsDecoder(config.acoustic),
        "content_encoder": ContentEncoder(config.content_encoder),
    }
