"""Jyutping syllables to the two phonemes each has in the symbol table."""

from __future__ import annotations

import re

from engine.text.symbols import CANTONESE, UNKNOWN

# In this order the first that a syllable begins with is its onset; syllables without a consonant
# are cut after their first letters, as the released models were trained.
_ONSETS = (
    "aa ai au ap at ak a p b e ts t dz d kw k gw g f h l m ng n s y w c z j "
    "ong on ou oi ok o uk ung"
)
SYLLABLE = re.compile(r"([a-z]+)([1-6])")


def split_syllable(syllable: str, tone: str) -> tuple[str, str]:
    """`gwong1` as `Ygw`, `Yong1`; a lone nasal or vowel is doubled: `m4` as `Ym`, `Ym4`."""
    if syllable.startswith("nga"):
        return "Yng", f"Y{syllable[2:]}{tone}"
    onset = next(onset for onset in _ONSETS.split() if syllable.startswith(onset))
    return f"Y{onset}", f"Y{syllable[len(onset) :] or onset[-1]}{tone}"


def jyutping_phonemes(syllable: str) -> tuple[str, str]:
    """The phonemes of `gwong1`; two `UNK` for what Cantonese lacks."""
    match = SYLLABLE.fullmatch(syllable)
    if match is None or not any(match[1].startswith(onset) for onset in _ONSETS.split()):
        return UNKNOWN, UNKNOWN
    onset, rime = split_syllable(*match.groups())
    return (onset, rime) if onset in CANTONESE and rime in CANTONESE else (UNKNOWN, UNKNOWN)
