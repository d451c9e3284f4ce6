"""Toy checkpoints in the released formats, made from scratch."""

from __future__ import annotations

import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

Make = Callable[..., Path]


class HParams:
    """What the released trainer pickles as `utils.HParams`."""

    __module__ = "utils"

    def __init__(self, **fields: Any) -> None:
        self.__dict__.update(
            (key, HParams(**value) if isinstance(value, dict) else value)
            for key, value in fields.items()
        )


@pytest.fixture
def make_acoustic(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Make:
    """Write a `.pth` with a pickled `utils.HParams`, and a version header if one is given."""

    def make(
        header: bytes = b"PK",
        symbols: int = 732,
        name: str = "toy.pth",
        weights: dict[str, torch.Tensor] | None = None,
        **extra: Any,
    ) -> Path:
        module = types.ModuleType("utils")
        module.HParams = HParams
        monkeypatch.setitem(sys.modules, "utils", module)
        default = {"enc_p.text_embedding.weight": torch.ones(symbols, 2).half()}
        content = {
            "weight": default if weights is None else weights,
            "config": HParams(model={"gin_channels": 512}, data={"hop_length": 640}),
            "info": "3epoch_9iteration",
        }
        path = tmp_path / name
        torch.save(content | extra, path)
        monkeypatch.delitem(sys.modules, "utils")
        path.write_bytes(header + path.read_bytes()[2:])
        return path

    return make


@pytest.fixture
def semantic(tmp_path: Path) -> Path:
    """A `.ckpt` whose configuration is a plain dictionary."""
    path = tmp_path / "toy.ckpt"
    weights = {"model.ar_predict_layer.weight": torch.arange(6.0).view(3, 2).half()}
    torch.save({"weight": weights, "config": {"model": {"n_layer": 1}}, "info": "GPT-e2"}, path)
    return path
