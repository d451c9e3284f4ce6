"""Dates, times, amounts, units and abbreviations in words, before a text is cut into pieces.

The front ends read numbers; here is what they would not see whole: a unit in Latin letters ends a
Chinese span, and the dot of an abbreviation ends a sentence. Only what is written in digits and
signs is touched, in the text's own language; where that is not known, nothing but names of
programming languages and what is read alike everywhere. A lone Greek letter is said by its name.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from functools import cache

from engine.text.chinese.notation import CANTONESE, CHINESE, name_thousands
from engine.text.english.notation import ENGLISH
from engine.text.japanese.notation import JAPANESE
from engine.text.korean.notation import KOREAN
from engine.text.patterns import COMMON, Reading, Rules

_OWN: Mapping[str, Rules] = {
    "en": ENGLISH,
    "zh": CHINESE,
    "yue": CANTONESE,
    "ja": JAPANESE,
    "ko": KOREAN,
}
_LONE_GREEK = re.compile("(?<![\u0370-\u03ff])[Α-Ωα-ω](?![\u0370-\u03ff])")
_READ_GREEK = ("zh", "yue")  # front ends that have names of their own


def spell_out(text: str, language: str) -> str:
    """`text` with its notation in words of `language`; of an unknown one only the common part."""
    for pattern, reading in _rules(language):
        text = pattern.sub(reading, text)
    return text if language in _READ_GREEK else _LONE_GREEK.sub(_name_letter, text)


def name_grouped_numbers(text: str, language: str) -> str:
    """`text` with `1,234,000` by its name where the front end would spell a long number."""
    return name_thousands(text) if language in ("zh", "yue") else text


@cache
def _rules(language: str) -> tuple[tuple[re.Pattern[str], Reading], ...]:
    rules: Rules = (*COMMON, *_OWN.get(language, ()))
    return tuple((re.compile(pattern), reading) for pattern, reading in rules)


def _name_letter(match: re.Match[str]) -> str:
    name = unicodedata.name(match[0]).split()[-1].lower()  # GREEK SMALL LETTER ALPHA
    return f" {'lambda' if name == 'lamda' else name} "
