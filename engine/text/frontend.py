"""Text to phonemes: the one door to all languages."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from engine.errors import EmptyTextError, UnsupportedLanguageError
from engine.text.english.frontend import EnglishFrontend
from engine.text.language import LanguageFrontend
from engine.text.symbols import SymbolTable
from engine.types import Phonemes, PhonemeSegment

_FEWEST_PHONEMES = 6
_FRONTENDS: Mapping[str, Callable[[SymbolTable], LanguageFrontend]] = {"en": EnglishFrontend}


class TextFrontend:
    """Turns text into the phonemes of one symbol table.

    Args:
        symbol_version: "v1" or "v2", as the bundle names its table.
    """

    def __init__(self, symbol_version: str = "v2") -> None:
        self.table = SymbolTable(symbol_version)
        self.languages = tuple(_FRONTENDS)
        self._frontends: dict[str, LanguageFrontend] = {}

    def phonemes(self, text: str, language: str) -> Phonemes:
        """The phonemes of one piece of `text`.

        Raises:
            UnsupportedLanguageError: no front end reads `language`.
            EmptyTextError: nothing in `text` can be spoken.
        """
        if language not in self.languages:
            raise UnsupportedLanguageError(language, self.languages)
        if not re.search(r"\w", text):
            raise EmptyTextError(f"nothing can be spoken in {text[:40]!r}")
        segments = self._read(text, language)
        if sum(len(segment.phonemes) for segment in segments) < _FEWEST_PHONEMES:
            segments = self._read("." + text, language)
        return self._encode(segments)

    def _read(self, text: str, language: str) -> tuple[PhonemeSegment, ...]:
        return (self._frontend(language).read(re.sub(" {2,}", " ", text)),)

    def _encode(self, segments: tuple[PhonemeSegment, ...]) -> Phonemes:
        phonemes = [phoneme for segment in segments for phoneme in segment.phonemes]
        return Phonemes(self.table.encode(phonemes), segments)

    def _frontend(self, language: str) -> LanguageFrontend:
        if language not in self._frontends:
            self._frontends[language] = _FRONTENDS[language](self.table)
        return self._frontends[language]
