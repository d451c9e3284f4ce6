"""Cutting a long recording and its transcript at the same places.

Nothing here understands the words. Speech takes time in proportion to its phonemes, and clauses
end at pauses: all clauses are laid over all pauses at once, by dynamic programming, and a place is
only taken for sure when every other pause for it would fit the whole much worse. Where that leaves
a doubt, there is no excerpt: a word without its sound would be spoken into every sentence.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from engine.types import Audio
from engine.voices.trimming import FRAME_S, cuts, spoken_frames

LONGEST_RUN = 6  # clauses that may follow each other without a pause
RATE_TOLERANCE, SLACK_S = 0.12, 0.1  # one standard deviation of a clause's length
MISSED = 0.5  # what a pause inside a clause costs, or a clause without a pause
SURE = 3.0

_CLAUSE_END = re.compile(r"(?<=[。！？…；，、：])|(?<=[.!?;,:])\s+")

Costs = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Excerpt:
    """A part of a recording, in seconds, and the words that are spoken in it."""

    begin_s: float
    end_s: float
    text: str


def split_clauses(transcript: str) -> list[str]:
    """The clauses of `transcript` with their marks."""
    pieces = (piece.strip() for piece in _CLAUSE_END.split(transcript))
    return [piece for piece in pieces if re.search(r"\w", piece)]


def find_excerpt(
    audio: Audio, clauses: Sequence[str], phonemes: Sequence[int], min_s: float, max_s: float
) -> Excerpt | None:
    """The longest part of `min_s` to `max_s` whose words are known, None where none is for sure.

    Args:
        audio: speech without silence before and after it.
        clauses: of its transcript; phonemes: how many each of them has.
    """
    spoken = np.concatenate([[0], np.cumsum(spoken_frames(audio))]) * FRAME_S
    places = _distinct(cuts(audio), spoken)
    until = np.concatenate([[0], np.cumsum(phonemes)]).astype(np.float64)
    if len(clauses) < 2 or not until[-1] or not spoken[-1]:
        return None
    heard_s, expected_s = spoken[places], until * spoken[-1] / until[-1]
    found: list[tuple[float, Excerpt]] = []
    for (first, begin), (last, end) in combinations(_anchors(heard_s, expected_s), 2):
        begin_s, end_s = places[begin] * FRAME_S, places[end] * FRAME_S
        words, sound = (
            np.diff(expected_s[[0, first, last, -1]]),
            np.diff(heard_s[[0, begin, end, -1]]),
        )
        if min_s <= end_s - begin_s <= max_s and _is_like(sound, words):
            excerpt = Excerpt(begin_s, end_s, " ".join(clauses[first:last]))
            found.append((float(sound[1]), excerpt))
    return max(found, key=lambda each: each[0])[1] if found else None


def _is_like(heard_s: Costs, expected_s: Costs) -> bool:
    """Whether each part is about as long as its words make expect."""
    tolerance_s = 2 * (RATE_TOLERANCE * expected_s + SLACK_S)
    return bool((np.abs(heard_s - expected_s) <= tolerance_s).all())


def _distinct(places: Sequence[int], spoken: NDArray[np.float64]) -> list[int]:
    """The cuts with speech between them: of two in one silence the outer one."""
    kept: dict[float, int] = {}
    for place in places:
        heard = float(spoken[place])
        if heard > 0 or heard not in kept:
            kept[heard] = place
    return list(kept.values())


def _anchors(
    heard_s: NDArray[np.float64], expected_s: NDArray[np.float64]
) -> list[tuple[int, int]]:
    """Ends of clauses that surely fall on one pause: index of the clause, index of the pause.

    `heard_s` is the speech before each pause, `expected_s` before each clause.
    """
    forward = _best_costs(heard_s, expected_s)
    backward = _best_costs(heard_s[-1] - heard_s[::-1], expected_s[-1] - expected_s[::-1])
    through = forward + backward[::-1, ::-1]  # [clauses + 1, pauses]
    total = forward[-1, -1]
    anchors = []
    for clause, costs in enumerate(through):
        ordered = np.sort(costs)
        on_best_path = np.isfinite(total) and costs.min() <= total + 1e-9
        if on_best_path and (len(ordered) == 1 or ordered[1] - ordered[0] >= SURE):
            anchors.append((clause, int(costs.argmin())))
    return anchors


def _best_costs(heard_s: NDArray[np.float64], expected_s: NDArray[np.float64]) -> Costs:
    """The least cost [clauses + 1, pauses] of having every clause end at every pause."""
    clauses, pauses = len(expected_s) - 1, len(heard_s)
    costs = np.full((clauses + 1, pauses), np.inf)
    costs[0, 0] = 0.0
    gaps = heard_s[None, :] - heard_s[:, None]  # [from, to]
    skipped = np.arange(pauses)[None, :] - np.arange(pauses)[:, None] - 1
    for clause in range(1, clauses + 1):
        for before in range(max(0, clause - LONGEST_RUN), clause):
            wanted_s = expected_s[clause] - expected_s[before]
            deviation = (gaps - wanted_s) / (RATE_TOLERANCE * wanted_s + SLACK_S)
            step = deviation**2 + MISSED * (skipped + clause - before - 1)
            step[skipped < 0] = np.inf
            costs[clause] = np.minimum(costs[clause], (costs[before][:, None] + step).min(axis=0))
    return costs
