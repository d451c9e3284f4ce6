"""The tiny bundle as a folder on disk, with the networks that not every bundle has."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from engine.checkpoints.bundle_folder import (
    BERT_VOCABULARY,
    BundleConfig,
    SpeechDefaults,
    save_network,
    write_config,
)
from engine.models.bert import BertFeatures
from engine.models.hubert import ContentEncoder
from engine.models.sampling import SamplingOptions
from engine.models.speaker_encoder import SpeakerEncoder, SpeakerEncoderConfig
from engine.models.text_to_semantic import TextToSemantic
from engine.models.vits_decoder import VitsDecoder
from tests.tiny_bundle import ACOUSTIC, CODES, CONTENT, SEMANTIC

SPEAKER = SpeakerEncoderConfig(channels=8, blocks=(1, 1, 1, 1))
TOKENS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "你", "好", "世", "界", "。", ",", ".")
BERT: dict[str, Any] = {
    "vocab_size": len(TOKENS),
    "hidden_size": 24,
    "num_hidden_layers": 3,
    "num_attention_heads": 2,
    "intermediate_size": 16,
    "max_position_embeddings": 12,
}


def tiny_config(*, speaker: bool = False, bert: bool = False) -> BundleConfig:
    """A description; `speaker` reads speaker embeddings as v2Pro does, `bert` characters."""
    return BundleConfig(
        "tiny",
        "v2Pro" if speaker else "v2",
        "v2",
        ("en", "zh"),
        replace(SEMANTIC, bert_dimension=BERT["hidden_size"] if bert else 0),
        replace(ACOUSTIC, speaker_dimension=SPEAKER.embedding_size if speaker else 0),
        CONTENT,
        SpeechDefaults(SamplingOptions(top_k=CODES + 1, repetition_penalty=1.0)),
        (),
        {},
        dict(BERT) if bert else None,
        SPEAKER if speaker else None,
    )


def write_tiny_folder(folder: Path, config: BundleConfig) -> Path:
    """Write random networks of the sizes that `config` states, and `config` itself."""
    torch.manual_seed(0)
    folder.mkdir(parents=True, exist_ok=True)
    decoder = VitsDecoder(config.acoustic)
    with torch.no_grad():
        decoder.dec.conv_post.weight.mul_(5)  # loud enough not to be silence
    networks: dict[str, torch.nn.Module] = {
        "acoustic": decoder,
        "text_to_semantic": TextToSemantic(config.text_to_semantic),
        "content_encoder": ContentEncoder(config.content_encoder),
    }
    if config.bert is not None:
        networks["bert"] = BertFeatures(config.bert)
        (folder / BERT_VOCABULARY).write_text("\n".join(TOKENS) + "\n", "utf-8")
    if config.speaker_encoder is not None:
        networks["speaker_encoder"] = SpeakerEncoder(config.speaker_encoder)
    for name, network in networks.items():
        save_network(network.state_dict(), folder / f"{name}.safetensors")
    write_config(folder, config)
    return folder
