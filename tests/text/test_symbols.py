"""The tables are the ones that released checkpoints were trained with."""

from __future__ import annotations

import hashlib

import pytest

from engine.errors import InvalidOptionError
from engine.text.symbols import SymbolTable


@pytest.mark.parametrize(
    ("version", "count", "digest"),
    [
        ("v1", 322, "f7c3b280b9cc519b0829a6f182fcdd208643a07f1e20c1ab2bf4fc9e8e9a7ca6"),
        ("v2", 732, "0771f6cd6f6201e8c2b0de921dc69cc04caf3f346c599d4a41413967d5674da7"),
    ],
)
def test_table_is_the_released_one(version: str, count: int, digest: str) -> None:
    symbols = SymbolTable(version).symbols
    assert len(symbols) == count
    assert hashlib.sha256("\n".join(symbols).encode()).hexdigest() == digest


def test_v2_keeps_the_ids_of_v1() -> None:
    old, new = SymbolTable("v1"), SymbolTable("v2")
    assert new.symbols[: len(old)] == old.symbols


def test_unknown_phoneme_becomes_unk() -> None:
    table = SymbolTable("v2")
    assert table.encode(["HH", "no such phoneme"]) == (51, table.id("UNK"))
    assert table.id("Yz") == 731


def test_other_versions_are_refused() -> None:
    with pytest.raises(InvalidOptionError, match="v1, v2"):
        SymbolTable("v9")
