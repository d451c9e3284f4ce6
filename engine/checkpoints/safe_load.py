"""Read pickled checkpoints without running what they ask for.

`torch.load` is always called with `weights_only=True`. Of classes that are not torch's own, one
is let in: released acoustic checkpoints keep their configuration in `utils.HParams`, for which a
stand-in without behaviour is built and then turned into a plain dictionary.
"""

from __future__ import annotations

import io
import pickle
import re
import struct
import warnings
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from engine.checkpoints.identify import read_as_zip
from engine.errors import CheckpointError, UnsafeCheckpointError

NESTED_KEYS = ("generator", "state_dict", "weight", "model")
LARGEST_SWELLING = 2  # of a file when it is unpacked; torch stores its tensors as they are

# What a damaged pickle makes the unpickler raise, besides its own error.
_FAULTS = (
    ArithmeticError, AttributeError, EOFError, LookupError, MemoryError, OSError, RuntimeError,
    TypeError, ValueError, struct.error, zipfile.BadZipFile,
)  # fmt: skip


@dataclass(frozen=True)
class Checkpoint:
    """A released `.ckpt` or `.pth`.

    Attributes:
        weights: tensors under the released keys.
        config: sizes and training settings, plain values only.
        info: epoch and step as the trainer wrote them.
        lora_rank: rank of the adapters, for files that hold adapters only.
    """

    weights: dict[str, Tensor]
    config: dict[str, Any]
    info: str = ""
    lora_rank: int | None = None


class ReleasedConfig:
    """Stand-in for the pickled `utils.HParams`: attributes, nothing else."""


def load_checkpoint(path: Path) -> Checkpoint:
    """Return the checkpoint in `path`, on the CPU, in the types that were stored.

    Raises:
        UnsafeCheckpointError: the pickle names something that a checkpoint does not need.
        CheckpointError: the file is damaged or is no released checkpoint.
    """
    content = _load(path)
    if not isinstance(content, dict) or not {"weight", "config"} <= content.keys():
        raise CheckpointError(f"{path} has no `weight` and `config`, so it is no checkpoint")
    config = _config(path, content["config"])
    rank = content.get("lora_rank")
    return Checkpoint(
        weights=_tensors(path, content["weight"]),
        config=config,
        info=str(content.get("info", "")),
        lora_rank=None if rank is None else _rank(path, rank),
    )


def load_weights(path: Path) -> dict[str, Tensor]:
    """Return the tensors of a safetensors file or of a pickled state dict, nested or bare.

    Raises:
        UnsafeCheckpointError: the pickle names something that a checkpoint does not need.
        CheckpointError: the file is damaged or holds other things than tensors.
    """
    if path.suffix == ".safetensors":
        return _load_safetensors(path)
    content = _load(path)
    nested = [content[key] for key in NESTED_KEYS if isinstance(content, dict) and key in content]
    return _tensors(path, nested[0] if nested else content)


def _load_safetensors(path: Path) -> dict[str, Tensor]:
    try:
        return load_file(path)
    except (SafetensorError, OSError) as error:
        raise CheckpointError(f"{path} cannot be read: {error}") from error


def _load(path: Path) -> Any:
    try:
        with path.open("rb") as file:
            data = io.BytesIO(read_as_zip(file))
        _check_archive(path, data)
        with (
            torch.serialization.safe_globals([(ReleasedConfig, "utils.HParams")]),
            warnings.catch_warnings(action="ignore"),
        ):
            return torch.load(data, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        offender = re.search(r"GLOBAL ([\w.]+)", str(error))
        if offender:
            raise UnsafeCheckpointError(path, offender[1]) from error
        raise CheckpointError(f"{path} cannot be read as a checkpoint") from error
    except _FAULTS as error:
        raise CheckpointError(f"{path} cannot be read: {error}") from error


def _check_archive(path: Path, data: io.BytesIO) -> None:
    """Refuse a small file that would fill the memory, and damage that torch does not look for."""
    if zipfile.is_zipfile(data):
        with zipfile.ZipFile(data) as packed:
            unpacked = sum(member.file_size for member in packed.infolist())
            if unpacked > LARGEST_SWELLING * data.getbuffer().nbytes:
                raise CheckpointError(f"{path} would swell to {unpacked} bytes: no checkpoint does")
            if damaged := packed.testzip():
                raise CheckpointError(f"{path} is damaged: {damaged} has another checksum")
    data.seek(0)


def _rank(path: Path, rank: Any) -> int:
    if not isinstance(rank, int) or rank < 1:
        raise CheckpointError(f"the `lora_rank` of {path} is {str(rank)[:40]!r}, no rank")
    return rank


def _is_plain(value: Tensor) -> bool:
    """Whether a tensor has real numbers and a place in memory for each of them."""
    if value.layout is not torch.strided or value.is_quantized or value.is_complex():
        return False
    return value.numel() * value.element_size() <= value.untyped_storage().nbytes()


def _tensors(path: Path, weights: Any) -> dict[str, Tensor]:
    if not isinstance(weights, Mapping):
        raise CheckpointError(f"{path} holds {type(weights).__name__} where tensors belong")
    strangers = [str(key) for key, value in weights.items() if not isinstance(value, Tensor)]
    if strangers or not weights:
        raise CheckpointError(f"{path} holds other things than tensors: {strangers[:3]}")
    odd = [str(key) for key, value in weights.items() if not _is_plain(value)]
    if odd:
        raise CheckpointError(f"{path} holds tensors that no network has: {odd[:3]}")
    return {str(key): value for key, value in weights.items()}


def _config(path: Path, value: Any) -> dict[str, Any]:
    try:
        config = _plain(value)
    except RecursionError as error:
        raise CheckpointError(f"the `config` of {path} contains itself") from error
    if not isinstance(config, dict):
        raise CheckpointError(f"the `config` of {path} is {type(config).__name__}, not a mapping")
    return config


def _plain(value: Any) -> Any:
    """Turn stand-ins into dictionaries, at every depth."""
    if isinstance(value, ReleasedConfig):
        value = vars(value)
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value
