"""Which language each part of a text is in, judged by its script.

Letters decide: Latin is English, kana Japanese, Hangul Korean. Han characters are Japanese where
kana stands in the text and they are no Chinese word, else Chinese. Where nothing in a text tells
the two apart, a language model for short texts is asked, if one is given. Marks and spaces belong
to what they follow, digits to the letters they touch.

Differs from the official segmenter, which asks such a model about every run: it calls 和 or 5年
Japanese in the middle of Chinese sentences; here they stay Chinese.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from engine.text.identification import LanguageIdentifier
from engine.text.mapped.languages import MAPPED_LANGUAGES
from engine.types import TextSegment

_LATIN = "A-Za-z\u00c0-\u024f\u1e00-\u1effＡ-Ｚａ-ｚ"
_KANA = "\u3041-\u30ff\u31f0-\u31ff\uff66-\uff9f"
_HANGUL = "\u1100-\u11ff\u3130-\u318f\uac00-\ud7af"
_HAN = "\u3005\u3007\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
TOKEN = re.compile(
    rf"(?P<latin>[{_LATIN}]+)|(?P<kana>[{_KANA}]+)|(?P<hangul>[{_HANGUL}]+)|(?P<han>[{_HAN}]+)"
    rf"|(?P<number>[0-9０-９]+(?:[.,:/][0-9]+)*)"
    rf"|(?P<other>[^{_LATIN}{_KANA}{_HANGUL}{_HAN}0-9０-９]+)"
)
_CHINESE_WORD = re.compile("[很没嘛]")
_ENGLISH = "en"
READABLE = {
    "en": frozenset(("latin", "number")),
    "zh": frozenset(("latin", "number", "han", "sign")),
    "yue": frozenset(("latin", "number", "han", "sign")),
    "ja": frozenset(("latin", "number", "han", "kana")),
    "ko": frozenset(("latin", "number", "hangul")),
    **dict.fromkeys(MAPPED_LANGUAGES, frozenset(("latin", "number"))),
}
SIGN = re.compile("[①-⑩Α-ω]")
_BY_SCRIPT = {"latin": "en", "kana": "ja", "hangul": "ko"}


@dataclass(slots=True)
class _Token:
    script: str
    text: str
    language: str = ""


def spans(
    text: str, default: str | None = None, *, identifier: LanguageIdentifier | None = None
) -> list[TextSegment]:
    """`text` in runs of one language each, nothing left out.

    Args:
        default: the language of all that is not English; None tells languages apart.
        identifier: asked about Han characters where nothing else decides; they are Chinese
            without one.
    """
    tokens = [_Token(match.lastgroup or "", match[0]) for match in TOKEN.finditer(text)]
    if default is None:
        _judge(tokens, identifier)
        _give_numbers(tokens)
    else:
        for token in tokens:
            token.language = default
    for token in tokens:
        if token.script == "latin":
            token.language = _ENGLISH
        elif token.script == "other":
            token.language = ""
    _fill(tokens, default or "zh")
    return _merged((token.text, token.language) for token in tokens)


def spans_for_mode(
    text: str, mode: str, *, identifier: LanguageIdentifier | None = None
) -> list[TextSegment]:
    """`text` in runs of one language as `mode` asks.

    `en` reads everything as English, and so does a mapped language such as `fr` as its own; `zh`
    (or another language) takes what is not English for its own, `all_zh` the same with every
    number in it, `auto` tells languages apart, and `auto_yue` takes Chinese for Cantonese.
    """
    if mode == _ENGLISH or mode in MAPPED_LANGUAGES:
        return [TextSegment(text, mode)]
    if mode.startswith("all_"):
        return spans(text, mode.removeprefix("all_"))
    if mode == "auto":
        return spans(text, identifier=identifier)
    found = spans(text, identifier=identifier if mode == "auto_yue" else None)
    if mode == "auto_yue":
        relabelled = {"zh": "yue"}
        return _merged((run.text, relabelled.get(run.language, run.language)) for run in found)
    english = {_ENGLISH: _ENGLISH}
    return _merged((run.text, english.get(run.language, mode)) for run in found)


def is_readable(text: str, mode: str) -> bool:
    """Whether `text` has a letter or a digit that is read aloud in `mode`."""
    scripts = {match.lastgroup for match in TOKEN.finditer(text)}
    if SIGN.search(text):
        scripts.add("sign")
    readable = READABLE.get(mode.removeprefix("all_"))
    return not readable.isdisjoint(scripts) if readable else bool(scripts - {"other"})


def settle_mode(text: str, mode: str) -> str:
    """The language that an `auto` mode may as well be, where all of `text` agrees on one.

    To be asked about a whole text before it is cut: a piece such as 2024年 tells less by itself.
    """
    if mode not in ("auto", "auto_yue"):
        return mode
    tokens = [_Token(match.lastgroup or "", match[0]) for match in TOKEN.finditer(text)]
    scripts = {token.script for token in tokens}
    chinese = any(token.script == "han" and is_chinese(token.text) for token in tokens)
    if chinese and not scripts & {"kana", "hangul"}:
        return "zh" if mode == "auto" else "yue"
    if "kana" in scripts and not chinese and "hangul" not in scripts:
        return "ja"
    if "hangul" in scripts and not scripts & {"kana", "han"}:
        return "ko"
    is_latin = "latin" in scripts and not scripts & {"kana", "hangul", "han"}
    return _ENGLISH if is_latin else mode


def notation_language(text: str, mode: str) -> str:
    """The language that numbers and signs of `text` are said in; empty where it has several."""
    settled = settle_mode(text, mode)
    return "" if settled in ("auto", "auto_yue") else settled.removeprefix("all_")


def _judge(tokens: Sequence[_Token], identifier: LanguageIdentifier | None) -> None:
    """Give kana, Hangul and Han tokens their language."""
    has_kana = any(token.script == "kana" for token in tokens)
    is_open = not has_kana and not any(
        token.script == "han" and is_chinese(token.text) for token in tokens
    )
    for token in tokens:
        if token.script == "han":
            token.language = "ja" if has_kana and not is_chinese(token.text) else "zh"
        else:
            token.language = _BY_SCRIPT.get(token.script, "")
    if is_open and identifier is not None:
        for clause in _han_clauses(tokens):
            if identifier.is_japanese("".join(token.text for token in clause)):
                for token in clause:
                    token.language = "ja"


def _han_clauses(tokens: Sequence[_Token]) -> Iterator[list[_Token]]:
    """Han and number tokens that stand together without a mark between them."""
    clause: list[_Token] = []
    for token in tokens:
        if token.script in ("han", "number"):
            clause.append(token)
            continue
        if any(each.script == "han" for each in clause):
            yield clause
        clause = []
    if any(each.script == "han" for each in clause):
        yield clause


def is_chinese(han: str) -> bool:
    """Whether `han` has characters or words that Japanese does not write."""
    if _CHINESE_WORD.search(han):
        return True
    try:
        han.encode("cp932")
    except UnicodeEncodeError:
        return True
    return False


def _give_numbers(tokens: Sequence[_Token]) -> None:
    """A number goes with the letters right behind it, unless those are Latin."""
    for token, following in pairwise(tokens):
        if token.script == "number" and following.script in ("kana", "hangul", "han"):
            token.language = following.language


def _fill(tokens: Sequence[_Token], last_resort: str) -> None:
    """What has no language takes the one before it, at the start the one that comes first."""
    language = next((token.language for token in tokens if token.language), last_resort)
    for token in tokens:
        language = token.language or language
        token.language = language


def _merged(runs: Iterable[tuple[str, str]]) -> list[TextSegment]:
    merged: list[tuple[str, str]] = []
    for text, language in runs:
        if merged and merged[-1][1] == language:
            merged[-1] = (merged[-1][0] + text, language)
        else:
            merged.append((text, language))
    return [TextSegment(text, language) for text, language in merged]
