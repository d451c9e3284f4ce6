"""Versions are told from header, size, hash and the number of symbols."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from engine.checkpoints import identify
from engine.checkpoints.identify import Identity, identify_file, settle
from engine.checkpoints.safe_load import load_checkpoint
from engine.errors import CheckpointError
from tests.checkpoints.conftest import Make


@pytest.mark.parametrize(
    ("header", "symbols", "expected"),
    [
        (b"PK", 322, Identity("v1", "v1")),
        (b"PK", 732, Identity("v2", "v2")),
        (b"00", 322, Identity("v1", "v1")),
        (b"01", 732, Identity("v2", "v2")),
        (b"02", 732, Identity("v2", "v3")),
        (b"05", 732, Identity("v2", "v2Pro")),
        (b"06", 732, Identity("v2", "v2ProPlus")),
    ],
)
def test_a_full_checkpoint_is_identified(
    make_acoustic: Make, header: bytes, symbols: int, expected: Identity
) -> None:
    path = make_acoustic(header, symbols)
    assert settle(identify_file(path), load_checkpoint(path).weights) == expected


@pytest.mark.parametrize(("header", "model"), [(b"03", "v3"), (b"04", "v4")])
def test_adapters_without_an_embedding_read_the_v2_symbols(
    make_acoustic: Make, header: bytes, model: str
) -> None:
    path = make_acoustic(header)
    assert settle(identify_file(path), {}) == Identity("v2", model, is_lora=True)


def test_an_unknown_header_is_refused_by_name(make_acoustic: Make) -> None:
    with pytest.raises(CheckpointError, match="b'99'"):
        identify_file(make_acoustic(b"99"))


def test_a_large_plain_file_is_v3_and_a_middling_one_v2(tmp_path: Path) -> None:
    path = tmp_path / "large.pth"
    for size, model in ((90 * 1024 * 1024, "v2"), (701 * 1024 * 1024, "v3")):
        with path.open("wb") as file:
            file.write(b"PK")
            file.truncate(size)  # sparse: takes no room on the disk
        assert identify_file(path).model == model


def test_an_official_file_is_known_by_its_first_bytes(
    make_acoustic: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = make_acoustic()
    head = hashlib.md5(path.read_bytes()[:8192], usedforsecurity=False).hexdigest()
    monkeypatch.setitem(identify.OFFICIAL, head, Identity("v2", "v4"))
    assert identify_file(path).model == "v4"
