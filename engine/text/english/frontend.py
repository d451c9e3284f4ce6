"""The English front end."""

from __future__ import annotations

from functools import cached_property

from engine.text.english.normalizer import normalize
from engine.text.english.pronunciation import Pronouncer
from engine.text.symbols import SymbolTable
from engine.types import PhonemeSegment

_FEWEST_PHONEMES = 4


class EnglishFrontend:
    """Reads English into the ARPAbet phonemes of `table`; other tokens are dropped."""

    def __init__(self, table: SymbolTable) -> None:
        self._table = table

    def read(self, text: str) -> PhonemeSegment:
        """The phonemes of `text`; a comma leads when there are fewer than four."""
        normalized = normalize(text)
        spoken = ["-" if mark == "'" else mark for mark in self._pronouncer.read(normalized)]
        phonemes = [phoneme for phoneme in spoken if phoneme in self._table]
        if len(phonemes) < _FEWEST_PHONEMES:
            phonemes.insert(0, ",")
        return PhonemeSegment("en", normalized, tuple(phonemes))

    @cached_property
    def _pronouncer(self) -> Pronouncer:
        return Pronouncer()
