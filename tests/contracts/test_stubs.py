"""The committed stubs are those that the contract gives."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_committed_stubs_do_not_drift_from_the_contract() -> None:
    command = [sys.executable, ROOT / ".ci" / "stubs.py", "--check"]
    checked = subprocess.run(command, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stderr
