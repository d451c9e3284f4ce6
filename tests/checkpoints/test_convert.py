"""Converted folders hold the same weights, no pickles, and say where they came from."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from engine.checkpoints.bundle_folder import sha256
from engine.checkpoints.convert import Source, convert_network, convert_pair
from engine.checkpoints.lora import merge
from engine.errors import CheckpointError
from tests.checkpoints.conftest import Make

ATTENTION = "estimator.transformer_blocks.0.attn.to_q"
DOWN = f"cfm.base_model.model.{ATTENTION}.lora_A.default.weight"
UP = f"cfm.base_model.model.{ATTENTION}.lora_B.default.weight"


def test_a_pair_becomes_a_described_folder(
    make_acoustic: Make, semantic: Path, tmp_path: Path
) -> None:
    acoustic = make_acoustic(b"05")
    description = convert_pair(Source(semantic), Source(acoustic), tmp_path / "bundle")
    bundle = json.loads(description.read_text())
    assert (bundle["model"], bundle["symbols"]) == ("v2Pro", "v2")
    network = bundle["networks"]["acoustic"]
    assert network["config"]["model"]["gin_channels"] == 512
    assert network["source_sha256"] == sha256(acoustic)
    assert network["sha256"] == sha256(description.parent / network["file"])
    stored = load_file(description.parent / "text_to_semantic.safetensors")
    assert stored["ar_predict_layer.weight"].dtype is torch.float16
    assert stored["ar_predict_layer.weight"].tolist() == [[0, 1], [2, 3], [4, 5]]


def test_weights_are_widened_on_demand(make_acoustic: Make, semantic: Path, tmp_path: Path) -> None:
    convert_pair(Source(semantic), Source(make_acoustic()), tmp_path, dtype=torch.float32)
    stored = load_file(tmp_path / "acoustic.safetensors")
    assert {value.dtype for value in stored.values()} == {torch.float32}


def test_training_parts_are_left_out(make_acoustic: Make, semantic: Path, tmp_path: Path) -> None:
    weights = {"enc_q.pre.weight": torch.ones(2), "dec.conv_pre.weight": torch.ones(2)}
    convert_pair(Source(semantic), Source(make_acoustic(weights=weights)), tmp_path)
    assert load_file(tmp_path / "acoustic.safetensors").keys() == {"dec.conv_pre.weight"}


def test_a_file_that_is_not_the_pinned_one_is_refused(
    make_acoustic: Make, semantic: Path, tmp_path: Path
) -> None:
    with pytest.raises(CheckpointError, match="SHA-256"):
        convert_pair(Source(semantic, "0" * 64), Source(make_acoustic()), tmp_path / "bundle")
    assert not (tmp_path / "bundle").exists()


def test_swapped_files_are_refused(make_acoustic: Make, semantic: Path, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="enc_p"):
        convert_pair(Source(make_acoustic()), Source(semantic), tmp_path / "bundle")


def test_adapters_alone_are_refused(make_acoustic: Make, semantic: Path, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="base checkpoint"):
        convert_pair(Source(semantic), Source(make_acoustic(b"03")), tmp_path)


def test_adapters_are_merged_into_their_base(
    make_acoustic: Make, semantic: Path, tmp_path: Path
) -> None:
    base = make_acoustic(b"02", name="base.pth", weights={f"cfm.{ATTENTION}.weight": torch.eye(3)})
    down, up = torch.tensor([[1.0, 2.0, 3.0]]), torch.tensor([[0.0], [1.0], [0.0]])
    adapters = make_acoustic(b"03", weights={DOWN: down.half(), UP: up.half()}, lora_rank=1)
    convert_pair(Source(semantic), Source(adapters), tmp_path / "bundle", base=Source(base))
    stored = load_file(tmp_path / "bundle" / "acoustic.safetensors")
    assert stored[f"cfm.{ATTENTION}.weight"].tolist() == [[1, 0, 0], [1, 3, 3], [0, 0, 1]]


def test_an_adapter_for_nothing_is_refused() -> None:
    with pytest.raises(CheckpointError, match="needs cfm"):
        merge({}, {DOWN: torch.ones(1, 3), UP: torch.ones(3, 1)})


def test_one_network_alone_is_converted_with_its_integers(tmp_path: Path) -> None:
    weights = {"bn.num_batches_tracked": torch.tensor(7), "conv.weight": torch.ones(2)}
    torch.save(weights, tmp_path / "vocoder.pth")
    source = Source(tmp_path / "vocoder.pth")
    network = convert_network(source, tmp_path / "out", "vocoder", dtype=torch.float16)
    stored = load_file(tmp_path / "out" / network.file)
    assert stored["bn.num_batches_tracked"].dtype is torch.int64
    assert stored["conv.weight"].dtype is torch.float16
