"""Find the cases of a folder and replay each by the handler of its kind."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from torch import Tensor

from engine.errors import EngineError
from tests.golden import (
    acoustic_kinds,
    audio_kinds,
    checkpoint_kinds,
    feature_kinds,
    flow_kinds,
    t2s_kinds,
    text_kinds,
    training_kinds,
)
from tests.golden.case import Case, Weights, load_case
from tests.golden.compare import compare
from tests.golden.result import CaseResult, failure

Handler = Callable[[Case], Mapping[str, Tensor]]
FileHandler = Callable[[Path], CaseResult]
FAILURES = (EngineError, ArithmeticError, LookupError, OSError, RuntimeError, TypeError, ValueError)

ARRAY_KINDS: dict[str, Handler] = {
    **acoustic_kinds.KINDS,
    **audio_kinds.KINDS,
    **feature_kinds.KINDS,
    **flow_kinds.KINDS,
    **t2s_kinds.KINDS,
    **training_kinds.KINDS,
}
FILE_KINDS: dict[str, FileHandler] = {**text_kinds.KINDS, **checkpoint_kinds.KINDS}


def replay(
    folder: Path, kinds: frozenset[str] = frozenset(), names: str = "*"
) -> Iterator[CaseResult]:
    """Yield the result of every case in `folder` of the given kinds (none given: all)."""
    if not folder.is_dir():
        yield failure("folder", folder.name, f"{folder} is no folder")
        return
    entries = _index(folder)
    weights = Weights(folder.parent / "manifest")
    for name, entry in sorted(entries.items(), key=lambda item: str(item[1].get("manifest"))):
        if _wanted(entry["kind"], name, kinds, names):
            yield _replay_arrays(folder, name, entry, weights)
    listed = {entry["file"] for entry in entries.values()}
    for path in sorted(set(folder.iterdir()) - {folder / "index.json"}):
        kind = _file_kind(path)
        if path.name not in listed and _wanted(kind, path.stem, kinds, names):
            yield _replay_file(kind, path)


def _index(folder: Path) -> dict[str, dict[str, Any]]:
    path = folder / "index.json"
    if not path.exists():
        return {}
    entries: dict[str, dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))
    return entries


def _wanted(kind: str, name: str, kinds: frozenset[str], names: str) -> bool:
    return (not kinds or kind in kinds) and fnmatchcase(name, names)


def _file_kind(path: Path) -> str:
    """The longest prefix of the file's name that has a handler, else the name."""
    prefixes = [kind for kind in FILE_KINDS if path.name.startswith(kind)]
    return max(prefixes, key=len, default=path.stem)


def _replay_arrays(folder: Path, name: str, entry: dict[str, Any], weights: Weights) -> CaseResult:
    kind = entry["kind"]
    if kind not in ARRAY_KINDS:
        return failure(kind, name, "no handler for this kind")
    try:
        case = load_case(folder, name, entry, weights)
        got = {key: value.numpy() for key, value in ARRAY_KINDS[kind](case).items()}
        worst = compare(got, case.wanted, entry.get("compare", {}))
    except FAILURES as error:
        return failure(kind, name, f"{type(error).__name__}: {error}")
    return CaseResult(kind, name, worst.error, worst.limit, worst.passed, worst.name)


def _replay_file(kind: str, path: Path) -> CaseResult:
    if kind not in FILE_KINDS:
        return failure(kind, path.name, "no handler for this file")
    try:
        return FILE_KINDS[kind](path)
    except FAILURES as error:
        return failure(kind, path.name, f"{type(error).__name__}: {error}")
