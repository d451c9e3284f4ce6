"""Readings that people write: checked, and turned into marks.

In a text a reading stands in brackets right behind its word: pinyin or jyutping for the last
characters before it (`银行[hang2]`, `银行[yin2 hang2]`), kana for the Chinese characters before it
(`今日[きょう]`), ARPAbet with stress for an English word (`live[L AY1 V]`). Brackets that hold
anything else are text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType

from engine.errors import PronunciationError
from engine.text.cantonese.jyutping import jyutping_phonemes
from engine.text.chinese.pinyin import pinyin_phonemes
from engine.text.marks import Mark
from engine.text.symbols import ARPABET, UNKNOWN

_BRACKETS = re.compile(r"\[([^\[\]\n]{1,120})\](?!\()")
_HAN = "\u3005\u3007\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_KANA = re.compile("[\u3041-\u3096\u30a1-\u30faー]+")
_WORD_BEFORE = re.compile(rf"[{_HAN}]+$|[A-Za-z][A-Za-z'’-]*$")
_LONGEST_WORD = 60
_SYLLABLE = re.compile(r"([a-zü]{1,7}[0-9])[ '’]?")
_SYLLABLES = re.compile(rf"(?:{_SYLLABLE.pattern})+")
_ARPABET_LIKE = re.compile(r"(?=.*[0-9])[A-Z]{1,2}[0-9]?(?: [A-Z]{1,2}[0-9]?)+")
_TO_KATAKANA = {code: code + 0x60 for code in range(0x3041, 0x3097)}

LANGUAGES = ("zh", "yue", "en", "ja")


def mark_inline(text: str, language: str) -> str:
    """`text` with every word that a reading follows as a mark; `language` may be a mode.

    Raises:
        PronunciationError: a reading is malformed or does not fit its word.
    """
    marked: list[str] = []
    at = 0
    for match in _BRACKETS.finditer(text):
        before = text[max(at, match.start() - _LONGEST_WORD) : match.start()]
        word = _WORD_BEFORE.search(before)
        found = _read_brackets(word[0], match[1].strip(), language) if word else None
        if found is not None:
            length, marks = found
            marked += [text[at : match.start() - length], *map(str, marks)]
            at = match.end()
    return "".join([*marked, text[at:]])


def marks_of(word: str, reading: str, language: str) -> list[Mark]:
    """The marks of `word`, one a character in Chinese, else one.

    Raises:
        PronunciationError: the reading is malformed or does not fit the word.
    """
    if language in _SYLLABIC:
        return _syllabic(word, reading, language)
    if language == "en":
        wrong = [phoneme for phoneme in reading.split() if phoneme not in ARPABET]
        if wrong or not reading.strip():
            raise PronunciationError(
                f"{wrong[0] if wrong else reading!r} in {word}[{reading}] is no ARPAbet phoneme; "
                "vowels have their stress, as in `L AY1 V`"
            )
        return [Mark("en", word, " ".join(reading.split()))]
    if language == "ja":
        kana = reading.replace(" ", "")
        if not _KANA.fullmatch(kana):
            raise PronunciationError(f"the reading of {word}[{reading}] is not written in kana")
        return [Mark("ja", word, kana.translate(_TO_KATAKANA))]
    raise PronunciationError(
        f"{language!r} has no phonemes to write {word}[{reading}] in; known: "
        f"{', '.join(LANGUAGES)}; an alias can be given in any language"
    )


def base_language(language: str) -> str:
    """The language behind a mode: `zh` of `all_zh`, an empty string of `auto`."""
    return {"auto": "", "auto_yue": "yue"}.get(language, language.removeprefix("all_"))


def _read_brackets(word: str, reading: str, language: str) -> tuple[int, list[Mark]] | None:
    """How many characters of `word` are read otherwise, and their marks; None if it is text."""
    is_latin = word.isascii()
    if is_latin and (_ARPABET_LIKE.fullmatch(reading) or reading in ARPABET):
        return len(word), marks_of(word, reading, "en")
    if is_latin:
        return None
    if _KANA.fullmatch(reading):
        return len(word), marks_of(word, reading, "ja")
    if not _SYLLABLES.fullmatch(reading):
        return None
    base = base_language(language)
    if base == "ja":
        raise PronunciationError(f"the reading of {word[-8:]}[{reading}] is not written in kana")
    count = len(_SYLLABLE.findall(reading))
    characters = word[-count:]
    return len(characters), _syllabic(characters, reading, "yue" if base == "yue" else "zh")


def _syllabic(word: str, reading: str, language: str) -> list[Mark]:
    """One mark for each character of `word`."""
    syllables = _SYLLABLE.findall(reading) if _SYLLABLES.fullmatch(reading.strip()) else []
    if not syllables or len(syllables) != len(word) or not re.fullmatch(f"[{_HAN}]+", word):
        raise PronunciationError(
            f"{word}[{reading}] needs one syllable with its tone for each Chinese character"
        )
    marks = []
    for character, syllable in zip(word, syllables, strict=True):
        phonemes = _SYLLABIC[language](syllable)
        if UNKNOWN in phonemes:
            name = "pinyin" if language == "zh" else "jyutping"
            raise PronunciationError(f"{syllable!r} in {word}[{reading}] is no {name}")
        marks.append(Mark(language, character, " ".join(phonemes)))
    return marks


_SYLLABIC: Mapping[str, Callable[[str], tuple[str, str]]] = MappingProxyType(
    {"zh": pinyin_phonemes, "yue": jyutping_phonemes}
)
