"""What a benchmark found, for people and for programs."""

from __future__ import annotations

import json
import os
import platform
from dataclasses import asdict, dataclass, field
from pathlib import Path

import torch
from rich.console import Console
from rich.table import Table


@dataclass(frozen=True, slots=True)
class Row:
    """One figure; `ratios` are to other figures of the same run."""

    name: str
    value: float
    unit: str
    ratios: dict[str, float] = field(default_factory=dict)


def machine(threads: int) -> dict[str, object]:
    """What ran."""
    return {
        "processor": torch.cpu.get_capabilities().get("cpu_name", platform.processor()),
        "cores": os.cpu_count(),
        "threads": threads,
        "torch": torch.__version__,
        "load at the end": os.getloadavg()[0],
        "device": torch.cuda.get_device_name() if torch.cuda.is_available() else "cpu",
    }


def show(suite: str, rows: list[Row]) -> None:
    """Print a table."""
    table = Table("what", "value", "unit", "ratios", title=suite)
    for row in rows:
        ratios = ", ".join(f"{ratio:.2f} {name}" for name, ratio in row.ratios.items())
        table.add_row(row.name, f"{row.value:.4g}", row.unit, ratios)
    Console().print(table)


def write(path: Path, threads: int, suites: dict[str, list[Row]]) -> None:
    """Write all as JSON."""
    found = {suite: [asdict(row) for row in rows] for suite, rows in suites.items()}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"machine": machine(threads), "suites": found}, indent=2) + "\n")
