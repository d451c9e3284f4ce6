"""Sounds in IPA as the nearest phonemes of the symbol table.

`sounds.tsv` decides, a row for each sound; a row for a language stands before the one for all.
A sound without a row is settled by the first of these that leads to rows:

1. without its length, hyphens and small signs (`aː` as `a`, `sʲ` as `s`);
2. a nasal vowel as the vowel and `NG`;
3. letter by letter, leaving out letters that have no row either.

Phonemes in the table may end in `*`, where the stress goes (1 primary, 2 secondary, 0 none), or
in `^`, where a tone of Mandarin stands for it (4 falling, 1 level, 5 neutral).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from functools import cache
from importlib import resources

from engine.errors import UnmappedSoundError

PRIMARY, SECONDARY = "ˈ", "ˌ"
_FILE = "sounds.tsv"
_EVERY_LANGUAGE = "*"
_NASAL = "\u0303"
_DIGITS = {PRIMARY: ("1", "4"), SECONDARY: ("2", "1"), "": ("0", "5")}
_SMALL_SIGNS = re.compile(r"[-ːˑ'\u02b0-\u02c7\u02cd-\u02ff\u0300-\u0302\u0304-\u036f]")

Rows = Mapping[str, tuple[str, ...]]


class SoundMap:
    """The phonemes of one language's sounds.

    Args:
        language: a code of `sounds.tsv`.
        strict: refuse sounds that no row and no whole-sound rule decides, instead of reading
            them letter by letter.
    """

    def __init__(self, language: str, *, strict: bool = False) -> None:
        self._rows = rows_for(language)
        self._strict = strict

    def phonemes(self, sound: str) -> tuple[str, ...]:
        """The phonemes of `sound`, one in IPA, perhaps with its stress mark; few have none.

        Raises:
            UnmappedSoundError: nothing decides it, and the map is strict.
        """
        stress = next((mark for mark in (PRIMARY, SECONDARY) if mark in sound), "")
        symbol = unicodedata.normalize("NFD", sound.replace(PRIMARY, "").replace(SECONDARY, ""))
        digit, tone = _DIGITS[stress]
        return tuple(
            phoneme.replace("*", digit).replace("^", tone) for phoneme in self._row(symbol)
        )

    def _row(self, symbol: str) -> tuple[str, ...]:
        for candidate in (symbol, _SMALL_SIGNS.sub("", symbol)):
            if candidate in self._rows:
                return self._rows[candidate]
        plain = _SMALL_SIGNS.sub("", symbol)
        if _NASAL in plain and plain.replace(_NASAL, "") in self._rows:
            return (*self._rows[plain.replace(_NASAL, "")], "NG")
        if self._strict:
            raise UnmappedSoundError(symbol)
        letters = (self._rows.get(letter, ()) for letter in plain)
        return tuple(phoneme for row in letters for phoneme in row)


@cache
def rows_for(language: str) -> Rows:
    """The rows that hold for `language`: sound -> phonemes with `*` or `^` for the stress."""
    general: dict[str, tuple[str, ...]] = {}
    special: dict[str, tuple[str, ...]] = {}
    for symbol, languages, phonemes, _ in _table():
        if languages == _EVERY_LANGUAGE:
            general[symbol] = phonemes
        elif language in languages.split():
            special[symbol] = phonemes
    return general | special


@cache
def _table() -> tuple[tuple[str, str, tuple[str, ...], str], ...]:
    text = resources.files(__package__).joinpath(_FILE).read_text("utf-8")
    lines = [line.split("\t") for line in text.splitlines()[1:]]
    return tuple(
        (unicodedata.normalize("NFD", symbol), languages, tuple(phonemes.split()), reason)
        for symbol, languages, phonemes, reason in lines
    )
