"""Text of a mapped language made speakable: words and the marks `!?….,` alone.

Words of other scripts stay, for others to read; `latin_alone` is without them.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping

from engine.text.mapped.numbers import NumberReader
from engine.text.mapped.readings import readings_of

_MARKS = {
    "。": ".", "！": "!", "？": "?", "，": ",", "、": ",", "；": ",", "：": ",", ";": ",",
    ":": ",", "(": ",", ")": ",", "\n": ".", "’": "'", "‘": "'", "\u202f": " ", "\u00a0": " ",
}  # fmt: skip
_MARKS_AFTER_NUMBERS = str.maketrans(dict[str, str | int | None](_MARKS))
_SPACES = str.maketrans({"\u202f": " ", "\u00a0": " ", "’": "'"})
_DASH = re.compile(r"\s*[—–]\s*|\s+-+\s+|^-+|-+$")
_NOT_LATIN = re.compile(r"[^A-Za-z\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u024f\u1e00-\u1eff'.,?!…\- ]+")
_MARK_BEFORE_WORD = re.compile(r"([!?….,])(?=[^\s!?….,])")
_SPACES_BEFORE_MARK = re.compile(r"\s+(?=[!?….,])")
_REPEATED_MARKS = re.compile(r"([!?….,])[!?….,\s]*(?=[!?….,])[!?….,]")


class MappedNormalizer:
    """Writes the texts of one mapped language as they are read."""

    def __init__(self, language: str) -> None:
        words = readings_of(language)
        self._numbers = NumberReader(language)
        self._signs = _one_of(words.signs)
        self._abbreviations = _one_of(words.abbreviations, r"(?<![\w.])", r"(?!\w)")
        self._words: Mapping[str, str] = words.signs | words.abbreviations

    def normalize(self, text: str) -> str:
        """`text` with numbers, units, signs and abbreviations as words.

        Doing it twice changes nothing.
        """
        text = self._abbreviations.sub(self._word, text.translate(_SPACES))
        text = self._numbers.expand(text)
        text = self._signs.sub(lambda match: f" {self._word(match)} ", text)
        text = _DASH.sub(", ", text.translate(_MARKS_AFTER_NUMBERS))
        text = re.sub(r"\s+", " ", _NOT_LATIN.sub(_words_alone, text))
        text = _REPEATED_MARKS.sub(r"\1", _SPACES_BEFORE_MARK.sub("", text))
        return _MARK_BEFORE_WORD.sub(r"\1 ", text).lstrip(" ,").rstrip()

    def _word(self, match: re.Match[str]) -> str:
        return self._words[match[0]]


def latin_alone(text: str) -> str:
    """`text` without the words of other scripts."""
    return _NOT_LATIN.sub(" ", text)


def _words_alone(match: re.Match[str]) -> str:
    """What belongs to words in other scripts, spaces for everything else."""
    return "".join(c if unicodedata.category(c)[0] in "LM" else " " for c in match[0])


def _one_of(written: Mapping[str, str], before: str = "", after: str = "") -> re.Pattern[str]:
    longest_first = sorted(written, key=len, reverse=True)
    return re.compile(f"{before}(?:{'|'.join(map(re.escape, longest_first))}){after}")
