"""Statements of documents, and the tests that hold them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def missing(held: Iterable[Iterable[str]]) -> list[str]:
    """Return what there is not of the tests that are named as `file::function`."""
    named = {each for group in held for each in group}
    return sorted(each for each in named if not _exists(*each.split("::")))


def _exists(path: str, name: str) -> bool:
    source = ROOT / "tests" / path
    return source.is_file() and f"def {name}(" in source.read_text("utf-8")
