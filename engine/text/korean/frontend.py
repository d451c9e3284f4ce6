"""The Korean front end."""

from __future__ import annotations

import re
from functools import cached_property

from engine.text.korean.pronunciation import KoreanRules
from engine.text.symbols import SymbolTable
from engine.types import PhonemeSegment

_GAP, _UNREADABLE = "空", "停"
_LETTER_NAMES = {
    "a": "에이", "b": "비", "c": "시", "d": "디", "e": "이", "f": "에프", "g": "지",
    "h": "에이치", "i": "아이", "j": "제이", "k": "케이", "l": "엘", "m": "엠", "n": "엔",
    "o": "오", "p": "피", "q": "큐", "r": "아르", "s": "에스", "t": "티", "u": "유",
    "v": "브이", "w": "더블유", "x": "엑스", "y": "와이", "z": "제트",
}  # fmt: skip
_DIVIDED = {
    "ㄳ": "ㄱㅅ", "ㄵ": "ㄴㅈ", "ㄶ": "ㄴㅎ", "ㄺ": "ㄹㄱ", "ㄻ": "ㄹㅁ", "ㄼ": "ㄹㅂ",
    "ㄽ": "ㄹㅅ", "ㄾ": "ㄹㅌ", "ㄿ": "ㄹㅍ", "ㅀ": "ㄹㅎ", "ㅄ": "ㅂㅅ", "ㅘ": "ㅗㅏ",
    "ㅙ": "ㅗㅐ", "ㅚ": "ㅗㅣ", "ㅝ": "ㅜㅓ", "ㅞ": "ㅜㅔ", "ㅟ": "ㅜㅣ", "ㅢ": "ㅡㅣ",
    "ㅑ": "ㅣㅏ", "ㅒ": "ㅣㅐ", "ㅕ": "ㅣㅓ", "ㅖ": "ㅣㅔ", "ㅛ": "ㅣㅗ", "ㅠ": "ㅣㅜ",
}  # fmt: skip
_MARKS = {
    "：": ",", "；": ",", "，": ",", "、": ",", "·": ",", "。": ".", "！": "!", "？": "?",
    "\n": ".", " ": _GAP,
}  # fmt: skip
_RIEUL_AFTER_PARTICLE = re.compile("([ㅇㄹ]ㅡㄹ )ㄹ")
_ENDS_IN_LETTER = re.compile("[\u3131-\u3163]$")


class KoreanFrontend:
    """Reads Korean, one phoneme a letter (compound letters are two)."""

    def __init__(self, table: SymbolTable) -> None:
        self._table = table

    def read(self, text: str) -> PhonemeSegment:
        """The phonemes of `text`: 空 for a space, 停 for what cannot be read."""
        named = "".join(_LETTER_NAMES.get(char.lower(), char) for char in text)
        spelled = self._rules.spell(self._rules.pronounce(named))
        letters = spelled.translate(str.maketrans(dict[str, str | int | None](_DIVIDED)))
        letters = _RIEUL_AFTER_PARTICLE.sub(r"\1ㄴ", letters)
        letters += "." if _ENDS_IN_LETTER.search(letters) else ""
        phonemes = tuple(map(self._phoneme, letters))
        return PhonemeSegment("ko", text, phonemes, words=_words(text, letters))

    def _phoneme(self, letter: str) -> str:
        phoneme = _MARKS.get(letter, letter)
        return phoneme if phoneme in self._table else _UNREADABLE

    @cached_property
    def _rules(self) -> KoreanRules:
        return KoreanRules()


def _words(text: str, letters: str) -> tuple[tuple[str, int], ...]:
    """The words between spaces and their numbers of letters; none if reading moved the spaces."""
    written, spelled = re.split(" ", text), re.split("(?= )", letters)
    if len(written) != len(spelled):
        return ()
    return tuple((word, len(sounds)) for word, sounds in zip(written, spelled, strict=True))
