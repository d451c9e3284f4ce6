"""Make a bundle, ready to be loaded, of released checkpoints of v1, v2, v2Pro and v2ProPlus."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from engine.checkpoints.bundle_folder import BundleConfig, SpeechDefaults, write_config
from engine.checkpoints.convert import Source, convert_pair
from engine.checkpoints.parts import load_parts
from engine.checkpoints.pretrained import convert_bert, convert_content, convert_speaker
from engine.errors import CheckpointError
from engine.models.text_to_semantic import TextToSemanticConfig
from engine.models.vits_decoder import VitsConfig

SYMBOLS = {"v1": 322, "v2": 732}
LANGUAGES = {"v1": ("zh", "en", "ja"), "v2": ("zh", "en", "ja", "ko", "yue")}
MANDARIN = "zh"

Report = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class ReleasedFiles:
    """What a release consists of.

    Attributes:
        semantic, acoustic: the `.ckpt` and the `.pth`.
        content: HuBERT's folder, with `config.json` and the weights.
        characters: the Chinese RoBERTa's folder; without it the bundle speaks no Mandarin.
        speaker: the speaker encoder's checkpoint, which v2Pro and v2ProPlus read.
    """

    semantic: Source
    acoustic: Source
    content: Path
    characters: Path | None = None
    speaker: Source | None = None


def make_bundle(
    files: ReleasedFiles,
    target: Path,
    *,
    name: str,
    dtype: torch.dtype | None = None,
    report: Report = lambda step: None,
) -> BundleConfig:
    """Convert `files` into the bundle folder `target` and return its description.

    Every network is built and filled strictly before `bundle.json` is written, so a folder
    that has one can be loaded.

    Args:
        report: told of each step as it begins.

    Raises:
        CheckpointError: a file is damaged, unsafe, missing, not the pinned one, or of v3 or v4.
        BundleError: the weights do not fit the sizes that their configuration states.
    """
    report("weights")
    release = json.loads(
        convert_pair(files.semantic, files.acoustic, target, dtype=dtype).read_text("utf-8")
    )
    _check_release(release["model"], files)
    report("content encoder")
    content = convert_content(files.content, target, dtype)
    config = _config(release, content, name)
    if files.characters is None:
        config = replace(config, languages=tuple(c for c in config.languages if c != MANDARIN))
    else:
        report("character features")
        config = replace(config, bert=convert_bert(files.characters, target, dtype))
    if files.speaker is not None and config.acoustic.speaker_dimension:
        report("speaker encoder")
        speaker = convert_speaker(files.speaker, target, dtype)
        acoustic = replace(config.acoustic, speaker_dimension=speaker.embedding_size)
        config = replace(config, acoustic=acoustic, speaker_encoder=speaker)
    report("check")
    load_parts(target, config)
    write_config(target, config)
    return config


def _check_release(model: str, files: ReleasedFiles) -> None:
    if model in ("v3", "v4"):
        raise CheckpointError(f"a bundle of {model} has no description yet; its networks have")
    if "Pro" in model and files.speaker is None:
        raise CheckpointError(
            f"{model} reads speaker embeddings: give the speaker encoder's checkpoint as well"
        )


def _config(release: Mapping[str, Any], content: dict[str, Any], name: str) -> BundleConfig:
    model, symbols = release["model"], release["symbols"]
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
