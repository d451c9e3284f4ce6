"""One stored case and the weights it runs on."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tests.golden.weights import make_state_dict

Array = NDArray[Any]
State = dict[str, Tensor]


class Weights:
    """Synthetic state dicts by manifest; the last two are kept, since cases come in groups."""

    def __init__(self, manifests: Path) -> None:
        self._manifests = manifests
        self._kept: dict[tuple[str, bool], State] = {}

    def manifest(self, name: str) -> dict[str, Any]:
        """Return the manifest `name`: tensors, constants and configuration."""
        path = self._manifests / f"{name}.json"
        loaded: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return loaded

    def state(self, name: str, *, train_only: bool = False) -> State:
        """Return the state dict of the manifest `name`; not to be changed in place."""
        key = (name, train_only)
        if key not in self._kept:
            while len(self._kept) > 1:
                self._kept.pop(next(iter(self._kept)))
            arrays = make_state_dict(self.manifest(name), train_only=train_only)
            self._kept[key] = {k: torch.from_numpy(v) for k, v in arrays.items()}
        return self._kept[key]


@dataclass(frozen=True)
class Case:
    """An entry of the index with its arrays.

    Attributes:
        entry: kind, manifest, arguments and how to compare, as the index states them.
        arrays: `in_*`, `mid_*` and `out_*` by name.
    """

    name: str
    entry: dict[str, Any]
    arrays: dict[str, Array]
    weights: Weights = field(repr=False)

    @property
    def manifests(self) -> list[str]:
        """The names of its manifests: one, or two with a plus between and remarks around."""
        return [part.split()[0] for part in self.entry["manifest"].split("+")]

    @property
    def manifest(self) -> dict[str, Any]:
        """The first manifest that the case names."""
        return self.weights.manifest(self.manifests[0])

    @property
    def wanted(self) -> dict[str, Array]:
        """The arrays to be computed."""
        return {k: v for k, v in self.arrays.items() if k.startswith(("mid_", "out_"))}

    def __getitem__(self, name: str) -> Tensor:
        """Return an array as float32 or int64."""
        array = self.arrays[name]
        return torch.from_numpy(array.astype(np.int64 if array.dtype.kind in "biu" else np.float32))

    def numbered(self, prefix: str) -> list[Tensor]:
        """Return `prefix`0, `prefix`1 and so on, as many as there are."""
        names = sorted(
            (name for name in self.arrays if re.fullmatch(rf"{prefix}\d+", name)),
            key=lambda name: int(name.removeprefix(prefix)),
        )
        return [self[name] for name in names]

    def state(self, name: str = "", *, train_only: bool = False) -> State:
        """Return the weights of the case's first manifest, or that of `name`, patches applied.

        Raises:
            KeyError: a patch is for a weight that no manifest of the case has.
        """
        state = dict(self.weights.state(name or self.manifests[0], train_only=train_only))
        for key, text in (self.entry.get("weight_patch") or {}).items():
            if key in state:
                state[key] = patched(state[key], text)
            elif not any(key in self.weights.manifest(each)["tensors"] for each in self.manifests):
                raise KeyError(f"no weight {key!r} to patch")
        return state


_NUMBER = r"([+-]?(?:[0-9]*\.)?[0-9]+(?:e[+-]?[0-9]+)?)"
_PATCH = re.compile(
    r"(?:(?P<axis>row|column)s? (?P<first>-?[0-9]+)(?: ?(?:to|-|\.\.) ?(?P<last>-?[0-9]+))?\b)?.*?"
    rf"\b(?P<how>multiplied by|divided by|set to|plus) {_NUMBER}",
    re.IGNORECASE,
)


def patched(tensor: Tensor, text: str) -> Tensor:
    """Return a copy of `tensor` with a patch in words applied. Raises ValueError on others.

    `row -1 (EOS) multiplied by 0.1 after generation`, `columns 0 to 3 set to 0`, `divided by 2`:
    of rows or columns, both ends among them, or of all that there is.
    """
    match = _PATCH.match(text)
    if not match:
        raise ValueError(f"unknown weight patch {text!r}")
    copy = tensor.clone()
    part = copy.mT if (match["axis"] or "").lower() == "column" else copy
    if match["axis"]:
        first = int(match["first"]) % len(part)
        last = first if match["last"] is None else int(match["last"]) % len(part)
        part = part[first : last + 1]
    number = float(match[5])
    match match["how"].lower():
        case "multiplied by":
            part *= number
        case "divided by":
            part /= number
        case "set to":
            part.fill_(number)
        case _:
            part += number
    return copy


def load_case(folder: Path, name: str, entry: dict[str, Any], weights: Weights) -> Case:
    """Read the arrays of an index entry."""
    with np.load(folder / entry["file"], allow_pickle=False) as stored:
        arrays = {key: stored[key] for key in stored.files}
    return Case(name, entry, arrays, weights)
