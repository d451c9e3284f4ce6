"""Handler of toy checkpoints: version, configuration and weights as the exporter wrote them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

from engine.checkpoints.identify import identify_file, settle
from engine.checkpoints.safe_load import Checkpoint, load_checkpoint
from tests.golden.result import CaseResult

EXPECTED = "expected.json"


def checkpoints(folder: Path) -> CaseResult:
    """Read every file that `expected.json` names; the error counts what is not as expected."""
    expected = json.loads((folder / EXPECTED).read_text(encoding="utf-8"))
    wrong = [
        f"{name}: {reason}"
        for name, facts in expected.items()
        for reason in _disagreements(folder / name, facts)
    ]
    unlisted = {path.name for path in folder.iterdir()} - {EXPECTED, *expected}
    wrong += [f"{name} is not in {EXPECTED}" for name in sorted(unlisted)]
    detail = "; ".join(wrong) or f"{len(expected)} files"
    return CaseResult("ckpt", folder.name, len(wrong), 0, not wrong and bool(expected), detail)


def _disagreements(path: Path, facts: dict[str, Any]) -> Iterator[str]:
    checkpoint = load_checkpoint(path)
    if checkpoint.info != facts["info"]:
        yield f"info {checkpoint.info!r}"
    if "head" in facts and path.read_bytes()[:2].decode() != facts["head"]:
        yield "another head"
    if "detect" in facts:
        found = identify_file(path)
        if [found.symbols, found.model, found.is_lora] != facts["detect"]:
            yield f"identified as {found}"
        if settle(found, checkpoint.weights).model != facts["final_model_version"]:
            yield f"settled as {settle(found, checkpoint.weights)}"
    if checkpoint.lora_rank != facts.get("lora_rank"):
        yield f"rank {checkpoint.lora_rank}"
    if (
        "gin_channels" in facts
        and checkpoint.config["model"]["gin_channels"] != facts["gin_channels"]
    ):
        yield "another gin_channels"
    yield from _tensor_disagreements(checkpoint, facts["tensors"])


def _tensor_disagreements(checkpoint: Checkpoint, tensors: dict[str, Any]) -> Iterator[str]:
    if checkpoint.weights.keys() != tensors.keys():
        yield f"keys {sorted(checkpoint.weights)}"
        return
    for key, (shape, dtype, first) in tensors.items():
        found = checkpoint.weights[key]
        if [list(found.shape), str(found.dtype)] != [shape, dtype]:
            yield f"{key} is {found.dtype} {list(found.shape)}"
        if not torch.equal(found.flatten()[: len(first)].double(), torch.tensor(first).double()):
            yield f"{key} has other values"


KINDS = {"ckpt": checkpoints}
