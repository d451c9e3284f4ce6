"""The English front end."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property

from engine.text.english.normalizer import normalize
from engine.text.english.pronunciation import Pronouncer
from engine.text.marks import fold, written
from engine.text.symbols import SymbolTable
from engine.types import PhonemeSegment

_FEWEST_PHONEMES = 4


class EnglishFrontend:
    """Reads English into the ARPAbet phonemes of `table`; other tokens are dropped."""

    def __init__(self, table: SymbolTable) -> None:
        self._table = table

    def read(self, text: str) -> PhonemeSegment:
        """The phonemes of `text`; a comma leads when there are fewer than four."""
        folded, marks = fold(text)
        folded = normalize(folded)
        read = self._pronouncer.read(folded, marks)
        words = [(word, self._known(sounds)) for word, sounds in read]
        if sum(len(sounds) for _, sounds in words) < _FEWEST_PHONEMES:
            words.insert(0, (",", [","]))
        phonemes = tuple(sound for _, sounds in words for sound in sounds)
        counts = tuple((word, len(sounds)) for word, sounds in words)
        return PhonemeSegment("en", written(folded, marks), phonemes, words=counts)

    def _known(self, sounds: Iterable[str]) -> list[str]:
        spoken = ("-" if sound == "'" else sound for sound in sounds)
        return [sound for sound in spoken if sound in self._table]

    @cached_property
    def _pronouncer(self) -> Pronouncer:
        return Pronouncer()
