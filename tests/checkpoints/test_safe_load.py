"""A pickle gives tensors and plain values, or is refused; nothing in it runs."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from engine.checkpoints.safe_load import load_checkpoint, load_weights
from engine.errors import CheckpointError, UnsafeCheckpointError
from tests.checkpoints.conftest import Make


class Attack:
    """Makes a folder when it is unpickled the ordinary way."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.target),)


def test_the_pickled_configuration_becomes_a_plain_dictionary(make_acoustic: Make) -> None:
    checkpoint = load_checkpoint(make_acoustic(b"05", lora_rank=8))
    assert checkpoint.config == {"model": {"gin_channels": 512}, "data": {"hop_length": 640}}
    assert type(checkpoint.config["model"]) is dict
    assert (checkpoint.info, checkpoint.lora_rank) == ("3epoch_9iteration", 8)
    assert checkpoint.weights["enc_p.text_embedding.weight"].dtype is torch.float16


def test_a_plain_configuration_is_read_too(semantic: Path) -> None:
    assert load_checkpoint(semantic).config == {"model": {"n_layer": 1}}


@pytest.mark.parametrize("place", ["weight", "config", "info"])
def test_an_attack_is_refused_by_name_and_does_not_run(
    make_acoustic: Make, tmp_path: Path, place: str
) -> None:
    target = tmp_path / "made-by-the-attack"
    attack = Attack(target)
    path = (
        make_acoustic(weights={"a": attack})
        if place == "weight"
        else make_acoustic(**{place: attack})
    )
    with pytest.raises(UnsafeCheckpointError) as refused:
        load_checkpoint(path)
    assert refused.value.offender.endswith("mkdir")
    assert not target.exists()


def test_an_attack_in_a_bare_state_dict_is_refused(tmp_path: Path) -> None:
    target = tmp_path / "made-by-the-attack"
    torch.save({"weight": Attack(target)}, tmp_path / "bare.pth")
    with pytest.raises(UnsafeCheckpointError):
        load_weights(tmp_path / "bare.pth")
    assert not target.exists()


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04 damaged", b"05 damaged", b"not a checkpoint"])
def test_a_damaged_file_is_refused(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "damaged.pth"
    path.write_bytes(data)
    with pytest.raises(CheckpointError):
        load_checkpoint(path)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="cannot be read"):
        load_checkpoint(tmp_path / "none.pth")


def test_a_file_without_a_configuration_is_no_checkpoint(tmp_path: Path) -> None:
    torch.save({"weight": {}}, tmp_path / "bare.pth")
    with pytest.raises(CheckpointError, match="no checkpoint"):
        load_checkpoint(tmp_path / "bare.pth")


def test_a_configuration_that_contains_itself_is_refused(make_acoustic: Make) -> None:
    config: dict[str, Any] = {}
    config["self"] = config
    with pytest.raises(CheckpointError, match="contains itself"):
        load_checkpoint(make_acoustic(config=config))


@pytest.mark.parametrize("key", ["generator", "state_dict", None])
def test_single_networks_are_read_nested_or_bare(tmp_path: Path, key: str | None) -> None:
    weights = {"a": torch.ones(2)}
    torch.save({key: weights} if key else weights, tmp_path / "one.pt")
    assert load_weights(tmp_path / "one.pt").keys() == {"a"}


def test_safetensors_are_read(tmp_path: Path) -> None:
    save_file({"a": torch.ones(2)}, tmp_path / "one.safetensors")
    assert load_weights(tmp_path / "one.safetensors").keys() == {"a"}


def test_values_beside_tensors_are_refused(tmp_path: Path) -> None:
    torch.save({"a": torch.ones(2), "b": 3}, tmp_path / "one.pt")
    with pytest.raises(CheckpointError, match=r"other things than tensors: \['b'\]"):
        load_weights(tmp_path / "one.pt")
