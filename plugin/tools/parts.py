"""Cuts a long text where a reader would breathe."""

from __future__ import annotations

import re
from collections.abc import Iterator

PART_CHARACTERS = 1_000

# From the best place to cut to the worst. A full stop inside a number is no end of a sentence.
_PLACES = (
    re.compile(r"\n\s*\n"),
    re.compile(r"\n"),
    re.compile(r"[。！？…]+[”’」』）]*|[.!?]+[\"'”’)]*\s"),
    re.compile(r"[，、；：]|[,;:]\s"),
    re.compile(r"\s"),
)


def cut(text: str, limit: int = PART_CHARACTERS) -> Iterator[str]:
    """Yield `text` in parts of at most `limit` characters, which joined are the text again."""
    while len(text) > limit:
        end = _place(text[:limit])
        yield text[:end]
        text = text[end:]
    if text:
        yield text


def _place(window: str) -> int:
    """Return where to cut after, not too near to the beginning of `window`."""
    for place in _PLACES:
        ends = [found.end() for found in place.finditer(window)]
        if ends and ends[-1] >= len(window) // 3:
            return ends[-1]
    return len(window)
