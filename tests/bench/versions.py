"""What each released version takes until it can speak, and how much memory then.

Every version is loaded by a process of its own, which has nothing in memory before. Weights are
synthetic, of the released sizes and in full precision, as `models pull` keeps them; they are in
the system's cache of files, as they are when a server is started again.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.bench.released import VERSIONS, write_version
from tests.bench.report import Row
from tests.source_tree import ROOT

MEGABYTE = 1e6


def measure(rounds: int) -> list[Row]:
    """Seconds and megabytes of each version; the median of the seconds."""
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as name:
        for version in VERSIONS:
            folder = write_version(version, Path(name) / version, Path(name) / "shared")
            os.sync()  # what is still being written would be timed as well
            found = [_in_own_process(folder, speaks=i == 0) for i in range(rounds)]
            rows += _rows(version, found, folder)
    return rows


def _rows(version: str, found: list[dict[str, float]], folder: Path) -> list[Row]:
    stored = sum(path.stat().st_size for path in folder.iterdir()) / MEGABYTE
    first = found[0]
    return [
        Row(f"{version}: import of the package", _median(found, "import_s"), "s"),
        Row(f"{version}: load", _median(found, "load_s"), "s"),
        Row(f"{version}: files", stored, "MB"),
        Row(f"{version}: resident when loaded", first["loaded_mb"], "MB"),
        Row(f"{version}: of it the process's own", first["own_mb"], "MB"),
        Row(f"{version}: peak, a voice made and a second spoken", first["peak_mb"], "MB"),
    ]


def _median(found: list[dict[str, float]], name: str) -> float:
    return statistics.median(each[name] for each in found)


def _in_own_process(folder: Path, *, speaks: bool) -> dict[str, float]:
    command = [sys.executable, "-m", "tests.bench.cold", str(folder), *(["--speak"] * speaks)]
    done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    found: dict[str, float] = json.loads(done.stdout)
    return found
