"""The Cantonese front end."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

from engine.errors import MissingDependencyError
from engine.text.cantonese.jyutping import SYLLABLE, split_syllable
from engine.text.chinese.libraries import simplified
from engine.text.chinese.normalizer import keep_characters, normalize_clauses
from engine.text.marks import fold, written
from engine.text.symbols import PAUSE_MARKS, UNKNOWN, SymbolTable
from engine.types import PhonemeSegment

_QUOTES = str.maketrans("", "", "\"'‘’[]「」")


class CantoneseFrontend:
    """Reads Cantonese written in Chinese characters, two phonemes a syllable."""

    def __init__(self, table: SymbolTable) -> None:
        self._table = table

    def read(self, text: str) -> PhonemeSegment:
        """The phonemes of `text` with `word2ph` for each character of its normalized form."""
        folded, marks = fold(text)
        folded = keep_characters(normalize_clauses(folded).translate(_QUOTES))
        normalized = simplified(written(folded, marks)) if marks else folded
        phonemes: list[str] = []
        word2ph: list[int] = []
        syllables = _jyutping().get_jyutping_list(normalized)
        for char, (character, jyutping) in zip(folded, syllables, strict=True):
            given = marks.get(char)
            sounds = given.phonemes if given else _character(character, jyutping)
            phonemes.extend(sound if sound in self._table else UNKNOWN for sound in sounds)
            word2ph.append(len(sounds))
        return PhonemeSegment("yue", normalized, tuple(phonemes), tuple(word2ph))


def _character(character: str, jyutping: str | None) -> Sequence[str]:
    if character in PAUSE_MARKS:
        return [character]
    syllables = SYLLABLE.findall(jyutping or "")
    return [sound for each in syllables for sound in split_syllable(*each)] or [UNKNOWN]


@cache
def _jyutping() -> Any:
    try:
        import ToJyutping
    except ImportError as error:
        raise MissingDependencyError(
            "ToJyutping (needed to read Cantonese)", "pip install ToJyutping"
        ) from error
    return ToJyutping
