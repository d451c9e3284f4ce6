"""Honest timing on a machine that others use too: subjects take turns, the median counts."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import torch

from tests.bench.report import Row

PAUSE_S = 0.1  # in which the threads of the subject before stop looking for work


@dataclass(frozen=True, slots=True)
class Measured:
    """Seconds of one subject over all rounds."""

    median_s: float
    fastest_s: float
    slowest_s: float


def at_threads(
    counts: Sequence[int], measure: Callable[[int], list[Row]], rounds: int
) -> list[Row]:
    """What `measure` finds with each number of CPU threads; rows are named after it."""
    before, rows = torch.get_num_threads(), []
    for count in counts:
        torch.set_num_threads(count)
        threads = "1 thread" if count == 1 else f"{count} threads"
        rows += [replace(row, name=f"{threads}: {row.name}") for row in measure(rounds)]
    torch.set_num_threads(before)
    return rows


def take_turns(subjects: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, Measured]:
    """Run every subject once to warm up, then `rounds` times in turn."""
    for subject in subjects.values():
        subject()
    seconds: dict[str, list[float]] = {name: [] for name in subjects}
    for _ in range(rounds):
        for name, subject in subjects.items():
            time.sleep(PAUSE_S)
            began = time.perf_counter()
            subject()
            seconds[name].append(time.perf_counter() - began)
    return {
        name: Measured(statistics.median(each), min(each), max(each))
        for name, each in seconds.items()
    }
