"""What the replay of one case found."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CaseResult:
    """One line of the report.

    Attributes:
        error: the error that came nearest to (or went furthest over) its `limit`.
        detail: where that was, or why the case could not be replayed.
    """

    kind: str
    name: str
    error: float
    limit: float
    passed: bool
    detail: str = ""

    def line(self) -> str:
        """The result as the runner prints it."""
        verdict = "pass" if self.passed else "FAIL"
        numbers = f"error {self.error:<9.3g} limit {self.limit:<9.3g}"
        return f"{verdict} {self.kind:<24} {self.name:<28} {numbers} {self.detail}".rstrip()


def failure(kind: str, name: str, reason: str) -> CaseResult:
    """A case that gave nothing to compare."""
    return CaseResult(kind, name, float("inf"), 0.0, False, reason)
