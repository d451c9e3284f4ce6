"""Handlers of text files, by the prefix of their name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tests.golden.result import CaseResult

KINDS: dict[str, Callable[[Path], CaseResult]] = {}
