"""Words and characters of a text, each with its place: what times are given to."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

_CJK = "\u3005\u3007\u3041-\u30ff\u31f0-\u31ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff\uff66-\uff9f"
_LETTERS = rf"(?:(?![{_CJK}])[^\W\d_])+"
_TOKEN = re.compile(
    rf"[{_CJK}\U00020000-\U0003ffff]|\d+(?:[.,]\d+)*|{_LETTERS}(?:['’]{_LETTERS})*|\S"
)
_IS_CJK = re.compile(rf"[{_CJK}\U00020000-\U0003ffff]")
_SPOKEN_SYMBOLS = frozenset("%‰&+=@#°℃℉№")


@dataclass(frozen=True, slots=True)
class Token:
    """A word, a number, a CJK character or a symbol, and where it stands: `[start, end)`."""

    text: str
    start: int
    end: int

    @property
    def key(self) -> str:
        """What two spellings of one word have in common."""
        if self.text.isascii():
            return self.text.lower().replace(",", "")
        letters = unicodedata.normalize("NFKD", self.text.casefold())
        return "".join(c for c in letters if unicodedata.category(c) != "Mn").replace("’", "'")


def spoken_tokens(text: str) -> list[Token]:
    """The tokens of `text` that may be heard: all but marks and spaces."""
    found = (Token(match[0], *match.span()) for match in _TOKEN.finditer(text))
    return [token for token in found if _is_heard(token.text)]


def is_cjk(text: str) -> bool:
    """Whether every character of `text` is Han, kana or Hangul."""
    return bool(text) and all(_IS_CJK.match(char) for char in text)


def _is_heard(token: str) -> bool:
    first = token[0]
    return first.isalnum() or first in _SPOKEN_SYMBOLS or unicodedata.category(first) == "Sc"
