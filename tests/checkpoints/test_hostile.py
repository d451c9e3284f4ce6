"""Checkpoints that are damaged or made to do harm give typed errors, and nothing else happens."""

from __future__ import annotations

import io
import random
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from engine.checkpoints.convert import Source
from engine.checkpoints.released_bundle import ReleasedFiles, make_bundle
from engine.checkpoints.safe_load import load_checkpoint, load_weights
from engine.errors import BundleError, CheckpointError
from tests.checkpoints import toy_release as toys
from tests.checkpoints.conftest import Make

Weights = dict[str, Tensor]
CONV = "dec.conv_pre.weight"


@pytest.fixture(scope="module")
def content(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """HuBERT's folder."""
    folder = tmp_path_factory.mktemp("shared") / "hubert"
    toys.write_content(folder)
    return folder


def damaged(data: bytes, seed: int) -> bytes:
    """`data` with a few bits of it flipped, in its head, its tail or anywhere."""
    numbers, changed = random.Random(seed), bytearray(data)
    places = (range(4000), range(len(data) - 9000, len(data)), range(len(data)))
    for _ in range(numbers.choice((1, 4, 32))):
        changed[numbers.choice(places[seed % 3])] ^= 1 << numbers.randrange(8)
    return bytes(changed)


def with_pickle(data: bytes, change: Callable[[bytes], bytes]) -> bytes:
    """The archive `data` with another pickle in it, and right checksums."""
    target = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(target, "w") as new:
        for name in old.namelist():
            record = old.read(name)
            new.writestr(name, change(record) if name.endswith("data.pkl") else record)
    return target.getvalue()


@pytest.fixture
def good(make_acoustic: Make) -> Path:
    return make_acoustic(weights=toys.acoustic_weights(toys.acoustic_config(), 732))


def test_bits_that_flipped_are_noticed(good: Path) -> None:
    data, kept = good.read_bytes(), 0
    expected = load_checkpoint(good).weights
    for seed in range(60):
        good.write_bytes(damaged(data, seed))
        try:
            weights = load_checkpoint(good).weights
        except CheckpointError:
            continue
        kept += 1  # what lies between the records is nobody's
        assert all(torch.equal(weights[key], expected[key]) for key in expected)
    assert kept < 30


def test_a_file_that_ends_early_is_refused(good: Path) -> None:
    data = good.read_bytes()
    for size in (1, 2, 3, 100, len(data) // 2, len(data) - 22, len(data) - 1):
        good.write_bytes(data[:size])
        with pytest.raises(CheckpointError):
            load_checkpoint(good)


def test_a_garbled_pickle_in_a_sound_archive_is_refused_or_read(good: Path) -> None:
    data, numbers, refused = good.read_bytes(), random.Random(1), 0

    def garbled(record: bytes) -> bytes:
        changed = bytearray(record)
        for _ in range(numbers.choice((1, 2, 8))):
            changed[numbers.randrange(len(changed))] = numbers.randrange(256)
        return bytes(changed)

    for _ in range(80):
        good.write_bytes(with_pickle(data, garbled))
        try:
            load_checkpoint(good)
        except CheckpointError:
            refused += 1
    assert refused > 40


def test_a_small_file_that_would_fill_the_memory_is_refused_unread(good: Path) -> None:
    with zipfile.ZipFile(good, "a", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("archive/data/bomb", bytes(200_000_000))
    assert good.stat().st_size < 20_000_000
    with pytest.raises(CheckpointError, match="would swell"):
        load_checkpoint(good)


@pytest.mark.parametrize(
    "odd",
    [
        torch.ones(1).expand(10**9),
        torch.ones(2, 2).to_sparse(),
        torch.ones(2, dtype=torch.complex64),
    ],
    ids=["one number a thousand million times", "sparse", "complex"],
)
def test_tensors_that_no_network_has_are_refused(tmp_path: Path, odd: Tensor) -> None:
    torch.save({"a": odd}, tmp_path / "odd.pth")
    with pytest.raises(CheckpointError):
        load_weights(tmp_path / "odd.pth")


@pytest.mark.parametrize("rank", ["8", [8], 0, -1, 1.5])
def test_a_rank_that_is_none_is_refused(make_acoustic: Make, rank: object) -> None:
    with pytest.raises(CheckpointError, match="no rank"):
        load_checkpoint(make_acoustic(b"03", lora_rank=rank))


def released(
    make_acoustic: Make, content: Path, header: bytes, weights: Weights, config: dict[str, Any]
) -> ReleasedFiles:
    acoustic = make_acoustic(header, weights=weights, config=config)
    semantic = toys.write_semantic(acoustic.with_name("s1.ckpt"), 732)
    return ReleasedFiles(Source(semantic), Source(acoustic), content)


def refused(
    files: ReleasedFiles, target: Path, error: type[BundleError] = BundleError
) -> BundleError:
    with pytest.raises(error) as caught:
        make_bundle(files, target, name="mine")
    assert not (target / "bundle.json").exists()
    return caught.value


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("hidden_channels", -8),
        ("hidden_channels", None),
        ("hidden_channels", 0),
        ("hidden_channels", 8.5),
        ("hidden_channels", 10**7),
        ("n_heads", 0),
        ("n_heads", 3),
        ("n_layers", 10**6),
        ("upsample_rates", 5),
        ("upsample_rates", []),
        ("upsample_rates", "10,8"),
    ],
)
def test_sizes_that_make_no_network_are_refused_before_it_is_built(
    make_acoustic: Make, content: Path, tmp_path: Path, field: str, value: object
) -> None:
    config = toys.acoustic_config()
    weights = toys.acoustic_weights(config, 732)
    config["model"][field] = value
    refused(released(make_acoustic, content, b"PK", weights, config), tmp_path / "bundle")


@pytest.mark.parametrize("part", ["model", "data"])
@pytest.mark.parametrize("value", [None, [1], "x", {}])
def test_a_configuration_of_another_form_is_refused(
    make_acoustic: Make, content: Path, tmp_path: Path, part: str, value: object
) -> None:
    config = toys.acoustic_config()
    weights = toys.acoustic_weights(config, 732)
    files = released(make_acoustic, content, b"PK", weights, config | {part: value})
    refused(files, tmp_path / "bundle", CheckpointError)


@pytest.mark.parametrize(
    "change",
    [
        lambda weights: weights.pop(CONV),
        lambda weights: weights.update({"evil.weight": torch.ones(2)}),
        lambda weights: weights.update({CONV: weights[CONV][:-1]}),
        lambda weights: weights.update({CONV: torch.tensor(1.0)}),
        lambda weights: weights.update({CONV: weights[CONV] * float("nan")}),
        lambda weights: weights.clear(),
    ],
    ids=["missing", "unknown", "of another shape", "of no shape", "no numbers", "none at all"],
)
def test_weights_that_are_not_those_of_the_network_are_refused(
    make_acoustic: Make, content: Path, tmp_path: Path, change: Callable[[Weights], object]
) -> None:
    config = toys.acoustic_config()
    weights = toys.acoustic_weights(config, 732)
    change(weights)
    refused(released(make_acoustic, content, b"PK", weights, config), tmp_path / "bundle")


@pytest.mark.parametrize("header", [b"02", b"03", b"04", b"05", b"06"])
def test_a_header_of_another_version_is_noticed(
    make_acoustic: Make, content: Path, tmp_path: Path, header: bytes
) -> None:
    config = toys.acoustic_config()
    weights = toys.acoustic_weights(config, 732)
    refused(released(make_acoustic, content, header, weights, config), tmp_path / "bundle")
