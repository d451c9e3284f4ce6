"""Compare arrays by the rules that an index states in words.

A rule reads `exact`, `atol 1e-4`, `atol 1e-4 rtol 1e-3`, `rtol 1e-4` or
`relative L2 error < 1e-3`, with remarks around it; `unused` means that nothing needs the array.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
NUMBER = r"([0-9.]+(?:e-?[0-9]+)?)"


@dataclass(frozen=True, slots=True)
class Rule:
    """How far from the wanted array the computed one may be."""

    atol: float = 0.0
    rtol: float = 0.0
    relative_l2: float = 0.0
    unused: bool = False

    @classmethod
    def parse(cls, text: str) -> Rule:
        """Read a rule. Raises ValueError when it states none."""
        if "unused" in text:
            return cls(unused=True)
        found = {name: re.search(rf"{name} {NUMBER}", text) for name in ("atol", "rtol")}
        norm = re.search(rf"relative L2 error < {NUMBER}", text)
        if not ("exact" in text or norm or any(found.values())):
            raise ValueError(f"no rule in {text!r}")
        numbers = {name: float(match[1]) for name, match in found.items() if match}
        return cls(**numbers, relative_l2=float(norm[1]) if norm else 0.0)


@dataclass(frozen=True, slots=True)
class Difference:
    """The element that used up most of its limit."""

    name: str
    error: float
    limit: float

    @property
    def passed(self) -> bool:
        return self.error <= self.limit

    @property
    def share(self) -> float:
        """The part of the limit that is used; infinite when a limit of zero is not met."""
        if self.limit > 0:
            return self.error / self.limit
        return 0.0 if self.error == 0 else float("inf")


TOKENS = Rule()
FLOATS = Rule(atol=1e-4, rtol=1e-3)


def rule_for(name: str, wanted: Array, rules: Mapping[str, str]) -> Rule:
    """Return the first rule whose pattern matches; else exact for integers, near for floats."""
    for pattern, text in rules.items():
        if fnmatchcase(name, pattern):
            return Rule.parse(text)
    return TOKENS if wanted.dtype.kind in "biu" else FLOATS


def difference(name: str, got: Array, wanted: Array, rule: Rule) -> Difference:
    """Return how far `got` is from `wanted`; another shape or a NaN is infinitely far."""
    if got.shape != wanted.shape or not np.isfinite(got).all():
        return Difference(name, float("inf"), 0.0)
    if wanted.size == 0:
        return Difference(name, 0.0, 0.0)
    got, wanted = got.astype(np.float64), wanted.astype(np.float64)
    if rule.relative_l2:
        error = np.linalg.norm(got - wanted) / np.linalg.norm(wanted)
        return Difference(name, float(error), rule.relative_l2)
    errors = np.abs(got - wanted)
    limits = rule.atol + rule.rtol * np.abs(wanted)
    worst = np.unravel_index(np.argmax(errors - limits), errors.shape)
    return Difference(name, float(errors[worst]), float(limits[worst]))


def compare(
    got: Mapping[str, Array], wanted: Mapping[str, Array], rules: Mapping[str, str]
) -> Difference:
    """Return the worst difference; a wanted array that was not computed is infinitely far."""
    differences = []
    for name, array in wanted.items():
        rule = rule_for(name, array, rules)
        if rule.unused:
            continue
        if name not in got:
            return Difference(f"{name} was not computed", float("inf"), 0.0)
        differences.append(difference(name, got[name], array, rule))
    if not differences:
        return Difference("the case wants nothing", float("inf"), 0.0)
    return max(differences, key=lambda found: found.share)
