"""Turn released checkpoints into safetensors and a note of their origin, `release.json`.

A converted folder holds no pickles. The note names the version, and for every network its file,
SHA-256, configuration, and the file that it came from.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor

from engine.checkpoints.bundle_folder import sha256
from engine.checkpoints.identify import Identity, identify_file, settle
from engine.checkpoints.lora import merge
from engine.checkpoints.safe_load import Checkpoint, load_checkpoint, load_weights
from engine.errors import CheckpointError

ORIGIN = "release.json"
TRAINING_ONLY = "enc_q."
SEMANTIC_PREFIX = "model."
LEARNED = ("weight", "bias", "weight_g", "weight_v", "gamma", "beta", "embed")


@dataclass(frozen=True, slots=True)
class Source:
    """A file to convert; `sha256`, where known, must be that of the file."""

    path: Path
    sha256: str | None = None

    def check(self) -> None:
        """Raise CheckpointError if the file is missing or is another one."""
        if not self.path.is_file():
            raise CheckpointError(f"{self.path} is no file")
        if self.sha256 and (found := sha256(self.path)) != self.sha256.lower():
            raise CheckpointError(f"the SHA-256 of {self.path} is {found}, not {self.sha256}")


@dataclass(frozen=True)
class Network:
    """One network of a converted folder, as `release.json` describes it."""

    file: str
    sha256: str
    source: str
    source_sha256: str
    info: str = ""
    config: dict[str, Any] = field(default_factory=dict)


def convert_pair(
    semantic: Source,
    acoustic: Source,
    target: Path,
    *,
    base: Source | None = None,
    dtype: torch.dtype | None = None,
) -> Path:
    """Convert a `.ckpt` and a `.pth` into the folder `target`; return its `release.json`.

    Args:
        base: the acoustic checkpoint that adapters (v3 and v4 LoRA) belong to.
        dtype: of the written weights; None keeps the stored ones, half precision as released.

    Raises:
        CheckpointError: a file is damaged, of the wrong kind, or not the pinned one.
    """
    for source in filter(None, (semantic, acoustic, base)):
        source.check()
    target.mkdir(parents=True, exist_ok=True)
    first, second = load_checkpoint(semantic.path), load_checkpoint(acoustic.path)
    identity = settle(identify_file(acoustic.path), second.weights)
    weights = _whole(identity, second, base)
    networks = {
        "text_to_semantic": _write(target, "text_to_semantic", semantic, _semantic(first), dtype),
        "acoustic": _write(target, "acoustic", acoustic, _acoustic(second, weights), dtype),
    }
    return _describe(target, identity, networks)


def convert_network(
    source: Source,
    target: Path,
    name: str,
    *,
    dtype: torch.dtype | None = None,
    select: Callable[[Mapping[str, Tensor]], dict[str, Tensor]] = dict,
) -> Network:
    """Convert a file that holds one network alone (vocoder, speaker, content, characters).

    Args:
        select: which of the weights are written, and under which names.
    """
    source.check()
    target.mkdir(parents=True, exist_ok=True)
    weights = select(load_weights(source.path))
    return _write(target, name, source, Checkpoint(weights, {}), dtype)


def _whole(identity: Identity, acoustic: Checkpoint, base: Source | None) -> dict[str, Tensor]:
    """The acoustic weights; adapters are merged into those of `base`."""
    if not identity.is_lora:
        return acoustic.weights
    if base is None:
        raise CheckpointError(f"adapters of {identity.model} need the base checkpoint beside them")
    return merge(load_checkpoint(base.path).weights, acoustic.weights)


def _semantic(checkpoint: Checkpoint) -> Checkpoint:
    strangers = [key for key in checkpoint.weights if not key.startswith(SEMANTIC_PREFIX)]
    if strangers:
        raise CheckpointError(f"a text-to-semantic checkpoint has no key {strangers[0]!r}")
    weights = {key.removeprefix(SEMANTIC_PREFIX): v for key, v in checkpoint.weights.items()}
    return Checkpoint(weights, checkpoint.config, checkpoint.info)


def _acoustic(checkpoint: Checkpoint, weights: Mapping[str, Tensor]) -> Checkpoint:
    kept = {key: v for key, v in weights.items() if not key.startswith(TRAINING_ONLY)}
    return Checkpoint(kept, checkpoint.config, checkpoint.info)


def _write(
    target: Path, name: str, source: Source, checkpoint: Checkpoint, dtype: torch.dtype | None
) -> Network:
    path = target / f"{name}.safetensors"
    _check_finite(source, checkpoint.weights)
    save_file({key: _stored(value, dtype) for key, value in checkpoint.weights.items()}, path)
    return Network(
        file=path.name,
        sha256=sha256(path),
        source=source.path.name,
        source_sha256=sha256(source.path),
        info=checkpoint.info,
        config=checkpoint.config,
    )


def _check_finite(source: Source, weights: Mapping[str, Tensor]) -> None:
    """Refuse weights that would speak noise; counters of a codebook may overflow as released."""
    for key, value in weights.items():
        if key.endswith(LEARNED) and value.is_floating_point() and not value.isfinite().all():
            raise CheckpointError(f"{source.path} holds values in {key} that are no numbers")


def _stored(value: Tensor, dtype: torch.dtype | None) -> Tensor:
    """A copy of its own (safetensors refuses shared memory); integers keep their type."""
    wanted = dtype if dtype is not None and value.is_floating_point() else value.dtype
    return value.to(dtype=wanted, copy=True, memory_format=torch.contiguous_format)


def _describe(target: Path, identity: Identity, networks: Mapping[str, Network]) -> Path:
    description = {
        "format": 1,
        "model": identity.model,
        "symbols": identity.symbols,
        "networks": {name: asdict(network) for name, network in networks.items()},
    }
    path = target / ORIGIN
    path.write_text(json.dumps(description, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return path
