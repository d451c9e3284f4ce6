"""Words that the language of their run does not read: who else reads them, and what nobody does.

`en` reads no Chinese characters and `zh` no kana; the official pipeline drops such words without
a sign. Here they are read in the language of their script where the bundle speaks it, and named
where it does not. A front end may still meet a word that its dictionary lacks: it has no sound.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise

from engine.text.spans import READABLE, SIGN, TOKEN, is_chinese
from engine.text.symbols import SILENT
from engine.types import PhonemeSegment, TextSegment

NOBODY = ""  # the language of words that are left out
_CHINESE_RANGE = re.compile("[\u4e00-\u9fa5]+")
_LETTERS = frozenset(("Ll", "Lu", "Lo", "Lt", "Nd"))
_GUESTS = {"latin": ("en",), "kana": ("ja",), "hangul": ("ko",)}


@dataclass(slots=True)
class _Token:
    script: str
    text: str
    home: str
    language: str | None = None


def share_out(runs: Iterable[TextSegment], spoken: Sequence[str]) -> list[TextSegment]:
    """`runs` with every word in a language of `spoken` that reads it, else in `NOBODY`.

    The language of a run keeps what it reads; marks stay with the word that is spoken before them.
    """
    tokens = [_Token(script, text, run.language) for run in runs for script, text in _parts(run)]
    has_kana = any(token.script == "kana" for token in tokens)
    for token in tokens:
        if token.script != "mark":
            token.language = _reader(token, spoken, has_kana)
    for token, following in pairwise(tokens):
        is_guest = following.language not in (NOBODY, None, following.home)
        if token.script == "number" and is_guest and following.script != "latin":
            token.language = following.language  # 3 and 月 are one word
    before = next((token.language for token in tokens if token.language), spoken[0])
    for token in tokens:
        token.language = before if token.language is None else token.language
        before = token.language or before
    return merged(TextSegment(token.text, token.language or NOBODY) for token in tokens)


def merged(runs: Iterable[TextSegment]) -> list[TextSegment]:
    """`runs` with neighbours of one language joined."""
    grouped = groupby(runs, key=lambda run: run.language)
    return [TextSegment("".join(run.text for run in same), language) for language, same in grouped]


def has_words(text: str) -> bool:
    """Whether `text` has a letter or a digit of any script."""
    return any(unicodedata.category(char) in _LETTERS for char in text)


def scripts_of(text: str) -> list[str]:
    """What Unicode calls the scripts of the letters of `text`, such as `Cyrillic`."""
    names = (unicodedata.name(char, "") for char in text if char.isalpha())
    return sorted({re.split("[ -]", name)[0].capitalize() for name in names if name})


def unheard(segment: PhonemeSegment) -> list[str]:
    """The words of `segment` that have no sound."""
    counted = segment.words or tuple(
        zip(segment.normalized_text, segment.word2ph or (), strict=False)
    )
    silent, position = [], 0
    for word, count in counted:
        sounds = segment.phonemes[position : position + count]
        position += count
        if has_words(word) and SILENT.issuperset(sounds):
            silent.append(word)
    return silent


def _parts(run: TextSegment) -> Iterator[tuple[str, str]]:
    """The words of `run` with their scripts: those of `TOKEN`, `foreign` or `mark`."""
    for match in TOKEN.finditer(run.text):
        script = match.lastgroup or ""
        if script == "han":
            yield from _han(match[0], run.language)
        elif script != "other":
            yield script, match[0]
        else:
            signs = "sign" in READABLE[run.language]
            for is_word, chars in groupby(match[0], key=_is_of_words):
                text = "".join(chars)
                foreign = is_word and has_words(SIGN.sub("", text) if signs else text)
                yield "foreign" if foreign else "mark", text


def _han(text: str, language: str) -> Iterator[tuple[str, str]]:
    """Chinese characters, apart from those that the front end of `language` does not know."""
    if language == "ja":
        yield ("han" if not is_chinese(text) else "hanzi"), text
        return
    for is_known, chars in groupby(text, key=lambda char: bool(_CHINESE_RANGE.match(char))):
        yield ("han" if is_known else "foreign"), "".join(chars)


def _is_of_words(char: str) -> bool:
    return unicodedata.category(char)[0] in "LM" or char.isdecimal()


def _reader(token: _Token, spoken: Sequence[str], has_kana: bool) -> str:
    """The language that reads `token`."""
    if token.home in spoken and token.script in READABLE[token.home]:
        return token.home
    guests: Sequence[str] = _GUESTS.get(token.script, ())
    if token.script in ("han", "hanzi"):
        is_japanese = has_kana and not is_chinese(token.text)
        guests = ("ja",) if is_japanese else ("zh", "yue", "ja")
    if token.script == "number":
        guests = spoken
    return next((guest for guest in guests if guest in spoken), NOBODY)
