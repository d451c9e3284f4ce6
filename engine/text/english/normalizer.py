"""English text made speakable: numbers as words, abbreviations spelled, other marks dropped."""

from __future__ import annotations

import re
import unicodedata

from engine.text.english.numbers import expand_numbers
from engine.text.marks import STAND_INS

_FULL_WIDTH = str.maketrans({"。": ".", "！": "!", "？": "?"})
_LETTERS = str.maketrans(  # those that are no letter of English with a mark
    dict[str, str | int | None](
        {"ß": "ss", "ẞ": "ss", "æ": "ae", "Æ": "Ae", "œ": "oe", "Œ": "Oe", "ø": "o", "Ø": "O",
         "ł": "l", "Ł": "L", "đ": "d", "Đ": "D", "ð": "th", "Ð": "Th", "þ": "th", "Þ": "Th",
         "ı": "i"}
    )
)  # fmt: skip
_LETTER_CASE_BREAK = re.compile(r"(?<!^)(?<![\s])([A-Z])")
_NOT_SPOKEN = re.compile(rf"[^ A-Za-z'.,?!\-{STAND_INS}]")
_REPEATED_MARKS = re.compile(r"([!?….,\-\s])[!?….,\-]+")


def normalize(text: str) -> str:
    """`text` in the letters `A-Za-z'` and the marks `.,?!-` alone, as it is to be read.

    Capitals inside a word are set apart (`NASA` is read letter by letter).
    """
    text = expand_numbers(text.translate(_FULL_WIDTH))
    text = _without_accents(text.translate(_LETTERS)).replace("%", " percent")
    text = _NOT_SPOKEN.sub("", text)
    text = re.sub(r"\b[Ii]\.e\.", "that is", text)
    text = re.sub(r"\b[Ee]\.g\.", "for example", text)
    text = _LETTER_CASE_BREAK.sub(r" \1", text)
    return _REPEATED_MARKS.sub(r"\1", text)


def _without_accents(text: str) -> str:
    decomposed = unicodedata.normalize("NFD", text)
    return "".join(char for char in decomposed if unicodedata.category(char) != "Mn")
