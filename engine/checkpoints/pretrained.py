"""The networks that releases share, as their folders and files are published.

HuBERT and the Chinese RoBERTa come as folders in the layout of `transformers`, the speaker
encoder as one checkpoint. Each is written into a bundle folder; what describes it is returned.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor

from engine.checkpoints.bundle_folder import BERT_VOCABULARY
from engine.checkpoints.convert import Source, convert_network
from engine.errors import CheckpointError
from engine.models.bert import select_weights
from engine.models.speaker_encoder import SpeakerEncoderConfig, select_speaker_weights

WEIGHT_FILES = ("model.safetensors", "pytorch_model.bin")
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
BERT_FIELDS = (
    "hidden_act",
    "hidden_size",
    "intermediate_size",
    "layer_norm_eps",
    "max_position_embeddings",
    "num_attention_heads",
    "num_hidden_layers",
    "type_vocab_size",
    "vocab_size",
)


def convert_content(folder: Path, target: Path, dtype: torch.dtype | None) -> dict[str, Any]:
    """Convert HuBERT's folder; return fields of `transformers.HubertConfig`.

    Raises:
        CheckpointError: a file is missing or damaged.
    """
    config = _fields(folder, CONTENT_FIELDS)
    convert_network(_weights(folder), target, "content_encoder", dtype=dtype)
    return config


def convert_bert(folder: Path, target: Path, dtype: torch.dtype | None) -> dict[str, Any]:
    """Convert the Chinese RoBERTa's folder and vocabulary; return fields of `BertConfig`.

    Raises:
        CheckpointError: a file is missing or damaged.
    """
    config = _fields(folder, BERT_FIELDS)
    if "num_hidden_layers" not in config or "hidden_size" not in config:
        raise CheckpointError(f"{folder / 'config.json'} does not describe a BERT")

    def select(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
        return select_weights(_renamed(state), config)

    convert_network(_weights(folder), target, "bert", dtype=dtype, select=select)
    tokens = _tokens(folder)
    (target / BERT_VOCABULARY).write_text("\n".join(tokens) + "\n", "utf-8")
    return config


def convert_speaker(
    source: Source, target: Path, dtype: torch.dtype | None
) -> SpeakerEncoderConfig:
    """Convert the speaker encoder's checkpoint; return its sizes.

    Raises:
        CheckpointError: the file is missing, damaged or of another network.
    """
    select: Callable[[Mapping[str, Tensor]], dict[str, Tensor]] = select_speaker_weights
    network = convert_network(source, target, "speaker_encoder", dtype=dtype, select=select)
    state = load_file(target / network.file)
    if "conv1.weight" not in state:
        raise CheckpointError(f"{source.path} holds no speaker encoder")
    first, second, third, fourth = (_blocks(state, f"layer{i}.") for i in range(1, 5))
    return SpeakerEncoderConfig(len(state["conv1.weight"]), (first, second, third, fourth))


def _blocks(state: Mapping[str, Tensor], stage: str) -> int:
    """How many blocks the stage has whose keys begin with `stage`."""
    return len({key.split(".")[1] for key in state if key.startswith(stage)})


def _weights(folder: Path) -> Source:
    found = [folder / name for name in WEIGHT_FILES if (folder / name).is_file()]
    if not found:
        raise CheckpointError(f"{folder} has neither {' nor '.join(WEIGHT_FILES)}")
    return Source(found[0])


def _fields(folder: Path, wanted: tuple[str, ...]) -> dict[str, Any]:
    fields = _json(folder / "config.json")
    return {field: fields[field] for field in wanted if field in fields}


def _json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{path} cannot be read: {error}") from error
    if not isinstance(content, dict):
        raise CheckpointError(f"{path} is no JSON object")
    return content


def _tokens(folder: Path) -> list[str]:
    """The vocabulary in the order of its ids, of `vocab.txt` or of `tokenizer.json`."""
    plain = folder / "vocab.txt"
    if plain.is_file():
        return plain.read_bytes().decode("utf-8").replace("\r\n", "\n").rstrip("\n").split("\n")
    path = folder / "tokenizer.json"
    ids = _json(path).get("model", {}).get("vocab")
    if not isinstance(ids, dict) or sorted(ids.values()) != list(range(len(ids))):
        raise CheckpointError(f"{path} has no vocabulary that is numbered from 0")
    return sorted(ids, key=lambda token: ids[token])


def _renamed(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Norms of BERTs that were converted from TensorFlow have `gamma` and `beta`."""
    names = {".gamma": ".weight", ".beta": ".bias"}
    renamed: dict[str, Tensor] = {}
    for key, value in state.items():
        old = next((name for name in names if key.endswith(name)), None)
        renamed[key.removesuffix(old) + names[old] if old else key] = value
    return renamed
