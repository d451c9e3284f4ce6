"""The networks of a bundle folder, each built by its description and filled strictly."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from engine.checkpoints.acoustic_config import FlowAcousticConfig, VocoderConfig
from engine.checkpoints.bundle_folder import (
    BERT_VOCABULARY,
    BundleConfig,
    check_shapes,
    load_network,
)
from engine.checkpoints.uninitialized import Uninitialized
from engine.errors import BundleError
from engine.models.bert import BertFeatures
from engine.models.bigvgan import BigVgan
from engine.models.flow_matching import FlowMatchingDecoder
from engine.models.hifigan import HifiGan, HifiGanConfig
from engine.models.hubert import ContentEncoder
from engine.models.speaker_encoder import SpeakerEncoder
from engine.models.text_to_semantic import TextToSemantic
from engine.models.vits_decoder import VitsConfig, VitsDecoder
from engine.models.weight_norm import fuse_weight_norm

Fill = Callable[[nn.Module, Path], nn.Module]
HUBERT_BASE_WIDTH = 768
MOST_LAYERS = 1000
BEGIN, END, UNKNOWN = "[CLS]", "[SEP]", "[UNK]"


@dataclass(frozen=True, slots=True, eq=False)
class FlowNetworks:
    """The acoustic half of bundles that go by mels."""

    config: FlowAcousticConfig
    decoder: FlowMatchingDecoder
    vocoder: HifiGan | BigVgan


@dataclass(frozen=True, slots=True, eq=False)
class Parts:
    """What a bundle computes with, on the CPU, ready for inference.

    `bert_vocabulary` numbers the characters that `bert` reads.
    """

    text_to_semantic: TextToSemantic
    acoustic: VitsDecoder | FlowNetworks
    content_encoder: ContentEncoder
    bert: BertFeatures | None
    bert_vocabulary: dict[str, int]
    speaker_encoder: SpeakerEncoder | None

    @property
    def decoder(self) -> VitsDecoder | FlowMatchingDecoder:
        """The network that knows tokens and styles."""
        return self.acoustic if isinstance(self.acoustic, VitsDecoder) else self.acoustic.decoder


def load_parts(folder: Path, config: BundleConfig, fill: Fill = load_network) -> Parts:
    """Load every network that `config` describes, each by `fill`.

    Raises:
        BundleError: a file is missing, damaged or does not fit; or a network is not described
            that another one needs, or the two do not fit each other.
    """
    check_needs(config)
    with Uninitialized():
        model = TextToSemantic(config.text_to_semantic)
        fill(model, folder / "text_to_semantic.safetensors")
        acoustic = _load_acoustic(folder, config.acoustic, fill)
        content = ContentEncoder(config.content_encoder)
        fill(content, folder / "content_encoder.safetensors")
        bert, vocabulary = _load_bert(folder, config, fill)
        speaker = _load_speaker_encoder(folder, config, fill)
    return Parts(model, acoustic, content, bert, vocabulary, speaker)


def check_parts(folder: Path, config: BundleConfig) -> None:
    """Check that the files have the networks that `config` describes, before any is built.

    What a description states is not believed: it could ask for more memory than there is.

    Raises:
        BundleError: a file is missing or does not fit, or the sizes make no network.
    """
    _check_counts(asdict(config))
    try:
        with torch.device("meta"):
            load_parts(folder, config, check_shapes)
    except (ArithmeticError, LookupError, RuntimeError, TypeError, ValueError) as error:
        raise BundleError(f"{folder} describes sizes that make no network: {error}") from error


def _check_counts(described: Mapping[str, Any]) -> None:
    """Raise BundleError where more layers are stated than anything has."""
    for name, value in described.items():
        if isinstance(value, Mapping):
            _check_counts(value)
        is_count = name.endswith(("layers", "depth", "blocks")) and isinstance(value, int)
        if (is_count and value > MOST_LAYERS) or (
            isinstance(value, list | tuple) and len(value) > MOST_LAYERS
        ):
            raise BundleError(f"{name} is far too large, so the weights are none of GPT-SoVITS")


def check_needs(config: BundleConfig) -> None:
    """Check that the networks fit each other.

    Raises:
        BundleError: one is missing that another needs; the message names its file.
    """
    if not isinstance(config.acoustic, VitsConfig):
        config.acoustic.check()
    content_width = config.content_encoder.get("hidden_size", HUBERT_BASE_WIDTH)
    _check_width("content_encoder", content_width, config.acoustic.content_dimension)
    speaker = config.speaker_encoder
    if config.acoustic.speaker_dimension or speaker:
        width = 0 if speaker is None else speaker.embedding_size
        _check_width("speaker_encoder", width, config.acoustic.speaker_dimension)
    wanted = config.text_to_semantic.bert_dimension
    if config.bert is not None or (wanted and "zh" in config.languages):
        width = 0 if config.bert is None else int(config.bert["hidden_size"])
        _check_width("bert", width, wanted)


def read_vocabulary(path: Path) -> dict[str, int]:
    """The ids of a file of one token a line, counted from 0.

    Raises:
        BundleError: it cannot be read or lacks the marks that every BERT has.
    """
    try:
        tokens = path.read_bytes().decode("utf-8").removesuffix("\n").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise BundleError(f"{path} is no vocabulary: {error}") from error
    missing = [token for token in (BEGIN, END, UNKNOWN) if token not in tokens]
    if missing:
        raise BundleError(f"{path} lacks {', '.join(missing)}")
    return {token: index for index, token in enumerate(tokens)}


def _check_width(name: str, width: int, wanted: int) -> None:
    if not width:
        raise BundleError(
            f"the bundle lacks {name}.safetensors and its description: "
            f"{wanted} values of it are read by another network"
        )
    if width != wanted:
        raise BundleError(f"{name}.safetensors gives {width} values where {wanted} are read")


def build_vocoder(config: VocoderConfig) -> HifiGan | BigVgan:
    """A vocoder without weight norm, as bundles keep it."""
    vocoder = HifiGan(config) if isinstance(config, HifiGanConfig) else BigVgan(config)
    fuse_weight_norm(vocoder)
    return vocoder


def _load_acoustic(
    folder: Path, config: VitsConfig | FlowAcousticConfig, fill: Fill
) -> VitsDecoder | FlowNetworks:
    path = folder / "acoustic.safetensors"
    if isinstance(config, VitsConfig):
        whole = VitsDecoder(config)
        fill(whole, path)
        return whole
    decoder, vocoder = FlowMatchingDecoder(config.decoder), build_vocoder(config.vocoder)
    fill(decoder, path)
    fill(vocoder, folder / "vocoder.safetensors")
    return FlowNetworks(config, decoder, vocoder)


def _load_bert(
    folder: Path, config: BundleConfig, fill: Fill
) -> tuple[BertFeatures | None, dict[str, int]]:
    if config.bert is None:
        return None, {}
    bert = BertFeatures(config.bert)
    fill(bert, folder / "bert.safetensors")
    vocabulary, size = read_vocabulary(folder / BERT_VOCABULARY), bert.bert.config.vocab_size
    if len(vocabulary) > size:
        raise BundleError(f"{BERT_VOCABULARY} has {len(vocabulary)} tokens, the network {size}")
    return bert, vocabulary


def _load_speaker_encoder(folder: Path, config: BundleConfig, fill: Fill) -> SpeakerEncoder | None:
    if config.speaker_encoder is None:
        return None
    encoder = SpeakerEncoder(config.speaker_encoder)
    fill(encoder, folder / "speaker_encoder.safetensors")
    return encoder
