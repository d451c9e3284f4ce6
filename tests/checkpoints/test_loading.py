"""Bundles load at once: nothing is filled, copied or hashed that need not be."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from engine.checkpoints.bundle_folder import (
    CONFIG,
    load_network,
    read_config,
    save_network,
    verify,
    verify_changed,
)
from engine.checkpoints.uninitialized import Uninitialized
from engine.errors import BundleError
from engine.models.bert import BertSizes
from engine.models.hubert import HubertSizes
from engine.models.weight_norm import NormedConv1d, fuse_weight_norm
from tests.source_tree import ROOT
from tests.tiny_folder import tiny_config, write_tiny_folder


def mapped_files() -> str:
    """What is mapped into this process's memory."""
    return Path("/proc/self/maps").read_text("utf-8")


@pytest.mark.skipif(sys.platform != "linux", reason="reads what Linux says of its memory")
def test_weights_in_full_precision_stay_in_their_file(tmp_path: Path) -> None:
    wide, narrow = tmp_path / "wide.safetensors", tmp_path / "narrow.safetensors"
    state = nn.Linear(300, 300).state_dict()
    save_file(state, wide)
    save_network(state, narrow)
    networks = [load_network(nn.Linear(300, 300), path) for path in (wide, narrow)]
    assert str(wide) in mapped_files()
    assert str(narrow) not in mapped_files()
    for network in networks:
        assert network.weight.dtype == torch.float32
        torch.testing.assert_close(network.weight, state["weight"], atol=1e-4, rtol=1e-3)


def test_counters_stay_whole_numbers(tmp_path: Path) -> None:
    save_network(nn.BatchNorm1d(3).state_dict(), tmp_path / "norm.safetensors")
    norm = load_network(nn.BatchNorm1d(3), tmp_path / "norm.safetensors")
    assert norm.num_batches_tracked.dtype == torch.int64


def test_networks_are_not_filled_before_they_are_loaded() -> None:
    state = torch.random.get_rng_state()
    with Uninitialized():
        nn.Linear(8, 8), nn.Conv1d(8, 8, 3), nn.Embedding(8, 8)
    assert torch.equal(state, torch.random.get_rng_state())
    nn.Linear(8, 8)
    assert not torch.equal(state, torch.random.get_rng_state())


def damage(path: Path, written_ns: int) -> None:
    """Change a byte and pretend that it was done at that time."""
    path.write_bytes(path.read_bytes()[:-1] + b"!")
    os.utime(path, ns=(written_ns, written_ns))


def test_only_files_that_changed_since_they_were_pinned_are_hashed(tmp_path: Path) -> None:
    config = tiny_config()
    folder = write_tiny_folder(tmp_path, config)
    config, pinned_ns = read_config(folder), (folder / CONFIG).stat().st_mtime_ns
    damage(folder / "acoustic.safetensors", pinned_ns - 10**9)
    verify_changed(folder, config)
    with pytest.raises(BundleError, match=r"acoustic\.safetensors is damaged"):
        verify(folder, config)
    damage(folder / "text_to_semantic.safetensors", pinned_ns + 10**9)
    with pytest.raises(BundleError, match=r"text_to_semantic\.safetensors is damaged"):
        verify_changed(folder, config)
    (folder / "text_to_semantic.safetensors").unlink()
    with pytest.raises(BundleError, match="missing"):
        verify_changed(folder, config)


def test_the_pipeline_is_imported_without_transformers() -> None:
    code = "import engine.pipeline.synthesizer, sys; print('transformers' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, text=True
    )
    assert done.stdout.strip() == "False"


@pytest.mark.parametrize(
    ("field", "value"),
    [("hidden_sise", 3), ("do_stable_layer_norm", True), ("feat_extract_norm", "layer")],
)
def test_a_content_encoder_of_another_make_is_refused(field: str, value: object) -> None:
    with pytest.raises(BundleError, match=field):
        HubertSizes.read({field: value})


@pytest.mark.parametrize(
    "config",
    [
        {"hidden_size": 8},
        {"hidden_size": 8, "num_hidden_layers": 3, "depth": 1},
        {"hidden_size": 8, "num_hidden_layers": 3, "hidden_act": "relu"},
    ],
)
def test_a_bert_of_another_make_is_refused(config: dict[str, object]) -> None:
    with pytest.raises(BundleError, match=r"num_hidden_layers|depth|relu"):
        BertSizes.read(config)


def test_a_network_that_is_about_to_be_loaded_computes_no_norms() -> None:
    with Uninitialized():
        conv = NormedConv1d(3, 5, 7)
        other = nn.utils.parametrizations.weight_norm(nn.Conv1d(3, 5, 7), dim=2)
    assert other.parametrizations["weight"].original0.shape == (1, 1, 7)
    assert [conv.weight_g.shape, conv.weight_v.shape] == [(5, 1, 1), (5, 3, 7)]
    conv.load_state_dict(
        {"weight_g": torch.ones(5, 1, 1), "weight_v": torch.ones(5, 3, 7), "bias": torch.ones(5)}
    )
    network = nn.Sequential(conv)
    fuse_weight_norm(network)
    weight = network[0].get_parameter("weight")
    torch.testing.assert_close(weight.flatten(1).norm(dim=1), torch.ones(5))
