"""Honest timing on a machine that others use too: subjects take turns, the median counts."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Measured:
    """Seconds of one subject over all rounds."""

    median_s: float
    fastest_s: float
    slowest_s: float


def take_turns(subjects: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, Measured]:
    """Run every subject once to warm up, then `rounds` times in turn."""
    for subject in subjects.values():
        subject()
    seconds: dict[str, list[float]] = {name: [] for name in subjects}
    for _ in range(rounds):
        for name, subject in subjects.items():
            began = time.perf_counter()
            subject()
            seconds[name].append(time.perf_counter() - began)
    return {
        name: Measured(statistics.median(each), min(each), max(each))
        for name, each in seconds.items()
    }
