"""How the threads of PyTorch wait."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from engine.threads import rest_between_loops
from tests.source_tree import ROOT


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({}, {"OMP_WAIT_POLICY": "PASSIVE", "GOMP_SPINCOUNT": "4000"}),
        ({"GOMP_SPINCOUNT": "7"}, {"OMP_WAIT_POLICY": "PASSIVE", "GOMP_SPINCOUNT": "7"}),
        ({"OMP_WAIT_POLICY": "ACTIVE"}, {"OMP_WAIT_POLICY": "ACTIVE"}),
    ],
)
def test_threads_sleep_soon_unless_the_environment_says_otherwise(
    monkeypatch: pytest.MonkeyPatch, said: dict[str, str], expected: dict[str, str]
) -> None:
    environment = dict(said)
    monkeypatch.setattr(os, "environ", environment)
    rest_between_loops()
    assert environment == expected


@pytest.mark.parametrize("module", ["engine.__main__", "backend.cli.serve"])
def test_commands_set_it_before_pytorch_is_there(module: str) -> None:
    code = f"import sys, {module}; sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, timeout=60)
