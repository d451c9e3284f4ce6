"""The Korean front end."""

from __future__ import annotations

import re
from functools import cached_property

from engine.text.korean.pronunciation import KoreanRules
from engine.text.symbols import SymbolTable
from engine.types import PhonemeSegment

_GAP, _UNREADABLE = "空", "停"
_LETTER_NAMES = dict(
    zip(
        "abcdefghijklmnopqrstuvwxyz",
        "에이 비 시 디 이 에프 지 에이치 아이 제이 케이 엘 엠 엔 오 피 큐 아르 에스 티 유 브이 더블유 "
        "엑스 와이 제트".split(),
        strict=True,
    )
)
_DIVIDED = {
    "ㄳ": "ㄱㅅ", "ㄵ": "ㄴㅈ", "ㄶ": "ㄴㅎ", "ㄺ": "ㄹㄱ", "ㄻ": "ㄹㅁ", "ㄼ": "ㄹㅂ", "ㄽ": "ㄹㅅ",
    "ㄾ": "ㄹㅌ", "ㄿ": "ㄹㅍ", "ㅀ": "ㄹㅎ", "ㅄ": "ㅂㅅ", "ㅘ": "ㅗㅏ", "ㅙ": "ㅗㅐ", "ㅚ": "ㅗㅣ",
    "ㅝ": "ㅜㅓ", "ㅞ": "ㅜㅔ", "ㅟ": "ㅜㅣ", "ㅢ": "ㅡㅣ", "ㅑ": "ㅣㅏ", "ㅒ": "ㅣㅐ", "ㅕ": "ㅣㅓ",
    "ㅖ": "ㅣㅔ", "ㅛ": "ㅣㅗ", "ㅠ": "ㅣㅜ",
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
        return PhonemeSegment("ko", text, tuple(map(self._phoneme, letters)))

    def _phoneme(self, letter: str) -> str:
        phoneme = _MARKS.get(letter, letter)
        return phoneme if phoneme in self._table else _UNREADABLE

    @cached_property
    def _rules(self) -> KoreanRules:
        return KoreanRules()
