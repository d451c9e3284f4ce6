"""The Cantonese front end."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

from engine.errors import MissingDependencyError
from engine.text.chinese.normalizer import keep_characters, normalize_clauses
from engine.text.symbols import PAUSE_MARKS, UNKNOWN, SymbolTable
from engine.types import PhonemeSegment

# In this order the first that a syllable begins with is its onset; syllables without a consonant
# are cut after their first letters, as the released models were trained.
_ONSETS = (
    "aa ai au ap at ak a p b e ts t dz d kw k gw g f h l m ng n s y w c z j "
    "ong on ou oi ok o uk ung"
)
_SYLLABLE = re.compile(r"([a-z]+)([1-6])")
_QUOTES = str.maketrans("", "", "\"'‘’[]「」")


class CantoneseFrontend:
    """Reads Cantonese written in Chinese characters, two phonemes a syllable."""

    def __init__(self, table: SymbolTable) -> None:
        self._table = table

    def read(self, text: str) -> PhonemeSegment:
        """The phonemes of `text` with `word2ph` for each character of its normalized form."""
        normalized = keep_characters(normalize_clauses(text).translate(_QUOTES))
        phonemes: list[str] = []
        word2ph: list[int] = []
        for character, jyutping in _jyutping().get_jyutping_list(normalized):
            sounds = _character(character, jyutping)
            phonemes.extend(sound if sound in self._table else UNKNOWN for sound in sounds)
            word2ph.append(len(sounds))
        return PhonemeSegment("yue", normalized, tuple(phonemes), tuple(word2ph))


def _character(character: str, jyutping: str | None) -> list[str]:
    if character in PAUSE_MARKS:
        return [character]
    syllables = _SYLLABLE.findall(jyutping or "")
    return [sound for each in syllables for sound in _split(*each)] or [UNKNOWN]


def _split(syllable: str, tone: str) -> tuple[str, str]:
    """`gwong1` as `Ygw`, `Yong1`; a lone nasal or vowel is doubled: `m4` as `Ym`, `Ym4`."""
    if syllable.startswith("nga"):
        return "Yng", f"Y{syllable[2:]}{tone}"
    onset = next(onset for onset in _ONSETS.split() if syllable.startswith(onset))
    return f"Y{onset}", f"Y{syllable[len(onset) :] or onset[-1]}{tone}"


@cache
def _jyutping() -> Any:
    try:
        import ToJyutping
    except ImportError as error:
        raise MissingDependencyError(
            "ToJyutping (needed to read Cantonese)", "pip install ToJyutping"
        ) from error
    return ToJyutping
