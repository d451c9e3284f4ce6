"""The one error of packaging."""

from __future__ import annotations

from collections.abc import Sequence


class PackageError(Exception):
    """The tree cannot become a package that Dify accepts; `problems` says why, one each."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n- ".join(["the package breaks Dify's rules:", *problems]))
        self.problems = tuple(problems)
