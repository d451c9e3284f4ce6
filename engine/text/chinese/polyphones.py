"""Which reading a character has: asked of a predictor, or looked up in dictionaries."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from engine.text.chinese.libraries import phrase_pinyin, split_pinyin, word_pinyin

Syllables = tuple[list[str], list[str]]

# Phrases that the list in the released pipeline lacks, so that the predictor decides them.
_NOT_LISTED = frozenset({"这个", "不要", "要不", "我们", "弟弟", "一会儿", "苹果"})


class PolyphonePredictor(Protocol):
    """Reads a whole clause at once, such as the g2pW network does."""

    @property
    def name(self) -> str:
        """What people know it by."""
        ...

    def read(self, clause: str) -> Sequence[str]:
        """One syllable with its tone (`zhong1`) for each character; marks as they are."""
        ...


class DictionaryPronouncer:
    """Initials and finals word by word from pypinyin's dictionaries."""

    def read(self, _clause: str, words: Sequence[str]) -> list[Syllables]:
        """The initials and finals of each of `words`."""
        return [word_pinyin(word) for word in words]


class PredictingPronouncer:
    """Initials and finals by a `PolyphonePredictor`, overruled by the phrase dictionary."""

    def __init__(self, predictor: PolyphonePredictor) -> None:
        self._predictor = predictor

    def read(self, clause: str, words: Sequence[str]) -> list[Syllables]:
        """The initials and finals of each of `words`, which make up `clause`."""
        syllables = list(self._predictor.read(clause))
        readings: list[Syllables] = []
        start = 0
        for word in words:
            predicted = syllables[start : start + len(word)]
            start += len(word)
            parts = [_split(syllable) for syllable in _overruled(word, predicted)]
            readings.append(([initial for initial, _ in parts], [final for _, final in parts]))
        return readings


def _overruled(word: str, predicted: Sequence[str]) -> Sequence[str]:
    listed = None if word in _NOT_LISTED else phrase_pinyin(word)
    return predicted if listed is None or len(listed) != len(word) else listed


def _split(syllable: str) -> tuple[str, str]:
    return split_pinyin(syllable) if syllable[:1].isalpha() else (syllable, syllable)
