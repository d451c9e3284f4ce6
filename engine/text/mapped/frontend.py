"""The front end of the mapped languages."""

from __future__ import annotations

import re
from functools import cached_property

from engine.text.mapped import espeak
from engine.text.mapped.languages import MAPPED_LANGUAGES
from engine.text.mapped.normalizer import MappedNormalizer, latin_alone
from engine.text.mapped.sounds import SoundMap
from engine.text.symbols import PAUSE_MARKS, SymbolTable
from engine.types import PhonemeSegment

_NASAL = "NG"
_CLAUSE = re.compile(r"[!?….,]|[^!?….,]+")


class MappedFrontend:
    """Reads a language of `MAPPED_LANGUAGES` in phonemes that the models know of others.

    Args:
        table: the phonemes there are.
        language: its code.
    """

    def __init__(self, table: SymbolTable, language: str) -> None:
        self._table = table
        self._language = language
        self._voice = MAPPED_LANGUAGES[language].espeak_voice

    def normalize(self, text: str) -> str:
        """`text` as it is read: to be done before it is cut, as numbers have dots and commas."""
        return self._normalizer.normalize(text)

    def read(self, text: str) -> PhonemeSegment:
        """The phonemes of `text`.

        Raises:
            MissingDependencyError: espeak-ng or num2words is not installed.
            SynthesisError: espeak-ng failed.
        """
        normalized = self.normalize(latin_alone(self.normalize(text)))
        phonemes: list[str] = []
        for clause in _CLAUSE.findall(normalized):
            if clause in PAUSE_MARKS:
                phonemes.append(clause)
            elif any(map(str.isalpha, clause)):
                phonemes.extend(self._words(clause))
        known = (phoneme for phoneme in phonemes if phoneme in self._table)
        return PhonemeSegment(self._language, normalized, tuple(known))

    def _words(self, clause: str) -> list[str]:
        """The phonemes of a clause; a nasal vowel and the nasal after it have one `NG`."""
        sounds = espeak.sounds(clause.strip(), self._voice)
        found = [phoneme for sound in sounds for phoneme in self._sounds.phonemes(sound)]
        after = zip(found, ["", *found], strict=False)
        return [phoneme for phoneme, before in after if (phoneme, before) != (_NASAL, _NASAL)]

    @cached_property
    def _normalizer(self) -> MappedNormalizer:
        return MappedNormalizer(self._language)

    @cached_property
    def _sounds(self) -> SoundMap:
        return SoundMap(self._language)
