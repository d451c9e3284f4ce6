"""What is said of many listeners."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from tests.bench.report import Row
from tests.bench.server.listener import PREBUFFER_S, Heard

Curve = list[tuple[float, float]]


@dataclass(slots=True)
class Found:
    """Figures, and the curves of the plots by name."""

    rows: list[Row] = field(default_factory=list)
    curves: dict[str, Curve] = field(default_factory=dict)


def percentile(values: Sequence[float], percent: float) -> float:
    """The value that `percent` of the `values` do not exceed; of none it is not a number."""
    return float(np.percentile(values, percent)) if values else float("nan")


def first_audio_ms(heard: Sequence[Heard], percent: float) -> float:
    """A percentile of the waits for the first sound."""
    return 1e3 * percentile([each.first_audio_s for each in heard if each.pieces], percent)


def broken_streams(heard: Sequence[Heard]) -> int:
    """How many of the whole ones had an underrun."""
    return sum(1 for each in heard if each.whole and each.playback().underruns)


def waits(name: str, heard: Sequence[Heard]) -> list[Row]:
    """Median and 95th percentile of the time to the first audio."""
    return [
        Row(f"{name}: first audio, p{percent}", first_audio_ms(heard, percent), "ms")
        for percent in (50, 95)
    ]


def underruns(name: str, heard: Sequence[Heard]) -> list[Row]:
    """How many listeners heard a pause that was none of the text's."""
    whole = [each for each in heard if each.whole]
    silent_s = max((each.playback().silent_s for each in whole), default=0.0)
    label = f"{name}: underruns, {PREBUFFER_S * 1e3:.0f} ms prebuffer"
    return [
        Row(label, broken_streams(whole), f"of {len(whole)} streams"),
        Row(f"{name}: longest silence in a stream", silent_s, "s"),
    ]


def failures(name: str, heard: Sequence[Heard]) -> list[Row]:
    """How many requests were refused or failed, by reason."""
    counts = Counter(each.reason for each in heard if not each.whole)
    return [Row(f"{name}: {why}", count, f"of {len(heard)}") for why, count in counts.items()]


def throughput(name: str, heard: Sequence[Heard], processor_s: float) -> list[Row]:
    """What a second of sound took: of the clock from first request to last sound, and of work."""
    audio_s = sum(each.audio_s for each in heard)
    return [
        Row(f"{name}: real-time factor of all", clock_s(heard) / audio_s, "s per s of audio"),
        Row(f"{name}: processor", processor_s / audio_s, "s per s of audio"),
    ]


def clock_s(heard: Sequence[Heard]) -> float:
    """The time from the first request to the last sound."""
    return max(e.due_s + e.ended_s for e in heard) - min(e.due_s for e in heard)


def shares(values: Sequence[float]) -> Curve:
    """Which share of the `values` (in s) is at most so many ms."""
    return [(1e3 * each, (n + 1) / len(values)) for n, each in enumerate(sorted(values))]
