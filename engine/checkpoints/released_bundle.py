"""Make a bundle, ready to be loaded, of released checkpoints of any version."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from engine.checkpoints.acoustic_config import FlowAcousticConfig
from engine.checkpoints.bundle_folder import BundleConfig, SpeechDefaults, checked, write_config
from engine.checkpoints.convert import Source, convert_pair
from engine.checkpoints.parts import check_parts, load_parts
from engine.checkpoints.pretrained import convert_bert, convert_content, convert_speaker
from engine.checkpoints.released_acoustics import BY_MELS, flow_config, vits_config
from engine.checkpoints.vocoders import convert_vocoder
from engine.errors import CheckpointError
from engine.models.cfm import FlowOptions
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
        vocoder: the vocoder's checkpoint, which v3 and v4 need.
        base: the `.pth` that adapters (LoRA of v3 and v4) were trained beside.
    """

    semantic: Source
    acoustic: Source
    content: Path
    characters: Path | None = None
    speaker: Source | None = None
    vocoder: Source | None = None
    base: Source | None = None


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
        CheckpointError: a file is damaged, unsafe, missing, or not the pinned one.
        BundleError: the weights do not fit the sizes that their configuration states, or the
            networks do not fit each other.
    """
    report("weights")
    release = json.loads(
        convert_pair(
            files.semantic, files.acoustic, target, base=files.base, dtype=dtype
        ).read_text("utf-8")
    )
    _check_release(release["model"], files)
    report("content encoder")
    content = convert_content(files.content, target, dtype)
    config = _config(release, content, name, _acoustic(release, files, target, dtype))
    if files.characters is None:
        config = replace(config, languages=tuple(c for c in config.languages if c != MANDARIN))
    else:
        report("character features")
        config = replace(config, bert=convert_bert(files.characters, target, dtype))
    acoustic = config.acoustic
    if isinstance(acoustic, VitsConfig) and files.speaker and acoustic.speaker_dimension:
        report("speaker encoder")
        speaker = convert_speaker(files.speaker, target, dtype)
        acoustic = replace(acoustic, speaker_dimension=speaker.embedding_size)
        config = replace(config, acoustic=acoustic, speaker_encoder=speaker)
    report("check")
    config = checked(config)
    check_parts(target, config)
    load_parts(target, config)
    write_config(target, config)
    return config


def _check_release(model: str, files: ReleasedFiles) -> None:
    if model in BY_MELS and files.vocoder is None:
        raise CheckpointError(f"{model} makes mels: give its vocoder's checkpoint as well")
    if "Pro" in model and files.speaker is None:
        raise CheckpointError(
            f"{model} reads speaker embeddings: give the speaker encoder's checkpoint as well"
        )


def _acoustic(
    release: Mapping[str, Any], files: ReleasedFiles, target: Path, dtype: torch.dtype | None
) -> VitsConfig | FlowAcousticConfig:
    """The acoustic half's description; a vocoder of its own is converted."""
    model, symbols = release["model"], SYMBOLS[release["symbols"]]
    network = release["networks"]["acoustic"]
    with _missing_named():
        if model not in BY_MELS or files.vocoder is None:
            return vits_config(model, symbols, network["config"])
        vocoder = convert_vocoder(files.vocoder, target, dtype)
        return flow_config(model, symbols, network["config"], target / network["file"], vocoder)


def _config(
    release: Mapping[str, Any],
    content: dict[str, Any],
    name: str,
    acoustic: VitsConfig | FlowAcousticConfig,
) -> BundleConfig:
    symbols, networks = release["symbols"], release["networks"]
    with _missing_named():
        semantic = TextToSemanticConfig.from_released(networks["text_to_semantic"]["config"])
    flow = None if isinstance(acoustic, VitsConfig) else FlowOptions()
    return BundleConfig(
        name=name,
        version=release["model"],
        symbols=symbols,
        languages=LANGUAGES[symbols],
        text_to_semantic=semantic,
        acoustic=acoustic,
        content_encoder=content,
        defaults=SpeechDefaults(flow=flow),
        voices=(),
        sha256={},
    )


@contextmanager
def _missing_named() -> Iterator[None]:
    try:
        yield
    except KeyError as error:
        raise CheckpointError(f"the configuration of the checkpoint lacks {error}") from error
    except (TypeError, ValueError, AttributeError) as error:
        raise CheckpointError(f"the configuration of the checkpoint is wrong: {error}") from error
