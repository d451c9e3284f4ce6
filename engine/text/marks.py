"""Words of a text that carry their reading with them, opaque to everything between.

A mark is a run of private-use characters around a word: it goes through splitting as one
character, keeps its language whatever stands beside it, and is opened by the front end of that
language. Cleaning removes private-use characters from what callers send, so no text brings its own.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from engine.types import TextSegment

_OPEN, _GAP, _CLOSE = "\ue000", "\ue001", "\ue002"
_MARK = re.compile(f"{_OPEN}([a-z]+){_GAP}([^{_GAP}{_CLOSE}]+){_GAP}([^{_GAP}{_CLOSE}]+){_CLOSE}")
_FIRST_STAND_IN = 0xF0000
STAND_INS = "\U000f0000-\U000ffffd"  # a character class: what marks look like while folded


@dataclass(frozen=True, slots=True)
class Mark:
    """A word and how it is read.

    `reading` holds the phonemes of `language` with spaces between them, or katakana (`ja`).
    """

    language: str
    word: str
    reading: str

    @property
    def phonemes(self) -> tuple[str, ...]:
        """The phonemes of a reading in phonemes."""
        return tuple(self.reading.split())

    def __str__(self) -> str:
        return f"{_OPEN}{self.language}{_GAP}{self.word}{_GAP}{self.reading}{_CLOSE}"


def plain_text(text: str) -> str:
    """`text` as it is written, without the readings."""
    return _MARK.sub(r"\2", text)


def readings_for_words(text: str) -> str:
    """`text` with the readings in place of their words."""
    return _MARK.sub(r"\3", text)


def fold(text: str) -> tuple[str, dict[str, Mark]]:
    """`text` with one stand-in character for every mark, and what they stand for."""
    marks: dict[str, Mark] = {}

    def stand_in(match: re.Match[str]) -> str:
        char = chr(_FIRST_STAND_IN + len(marks))
        marks[char] = Mark(*match.groups())
        return char

    return _MARK.sub(stand_in, text), marks


def unfold(text: str, marks: Mapping[str, Mark]) -> str:
    """Undo `fold` on all or a part of its text."""
    return text.translate({ord(char): str(mark) for char, mark in marks.items()}) if marks else text


def written(text: str, marks: Mapping[str, Mark]) -> str:
    """Folded `text` as it is written."""
    return text.translate({ord(char): mark.word for char, mark in marks.items()}) if marks else text


def keep_marks(text: str, runs: list[TextSegment]) -> list[TextSegment]:
    """The `runs` of `plain_text(text)` with its marks put back, each in its own language."""
    if _OPEN not in text:
        return runs
    merged: list[TextSegment] = []
    for piece, language in _units(text, [run.language for run in runs for _ in run.text]):
        if merged and merged[-1].language == language:
            merged[-1] = TextSegment(merged[-1].text + piece, language)
        else:
            merged.append(TextSegment(piece, language))
    return merged


def _units(text: str, languages: list[str]) -> Iterator[tuple[str, str]]:
    """The characters and the marks of `text`; `languages` are of its characters as written."""
    at, position = 0, 0
    for match in [*_MARK.finditer(text), None]:
        between = text[at : match.start() if match else len(text)]
        for char in between:
            yield char, languages[position]
            position += 1
        if match:
            yield match[0], match[1]
            at, position = match.end(), position + len(match[2])
