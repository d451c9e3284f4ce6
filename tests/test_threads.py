"""How the threads of PyTorch wait."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from engine.threads import rest_between_loops
from tests.source_tree import ROOT


def test_threads_sleep_unless_the_environment_says_otherwise(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for said, expected in ((None, "PASSIVE"), ("ACTIVE", "ACTIVE")):
        monkeypatch.delenv("OMP_WAIT_POLICY", raising=False)
        if said:
            monkeypatch.setenv("OMP_WAIT_POLICY", said)
        rest_between_loops()
        assert os.environ["OMP_WAIT_POLICY"] == expected


@pytest.mark.parametrize("module", ["engine.__main__", "backend.cli.serve"])
def test_commands_set_it_before_pytorch_is_there(module: str) -> None:
    code = f"import sys, {module}; sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, timeout=60)
