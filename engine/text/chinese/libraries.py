"""The Chinese libraries, imported on first use and told to be quiet."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Sequence
from functools import cache
from typing import Any

from engine.errors import MissingDependencyError

# What the released models were trained with, against what the package holds today.
_NEUTRAL_ADDED = frozenset({"老头", "不在", "学生", "情形", "老太", "打点"})
_NEUTRAL_REMOVED = frozenset({"别人", "戏弄", "将军"})


def simplified(text: str) -> str:
    """`text` with traditional characters as simplified ones."""
    return str(_character_map()(text))


def cut_words(text: str) -> list[tuple[str, str]]:
    """The words of `text`, each with jieba's part of speech."""
    return [(pair.word, pair.flag) for pair in _jieba().lcut(text)]


def sandhi() -> Any:
    """Word merging and tone changes (`pre_merge_for_modify`, `modified_tone`)."""
    return _sandhi()


def word_pinyin(word: str) -> tuple[list[str], list[str]]:
    """The initials and the toned finals of `word` by dictionary, one each a character."""
    pypinyin = _pypinyin()
    options = {"neutral_tone_with_five": True, "errors": list}
    initials = pypinyin.lazy_pinyin(word, style=pypinyin.Style.INITIALS, **options)
    finals = pypinyin.lazy_pinyin(word, style=pypinyin.Style.FINALS_TONE3, **options)
    return initials, finals


def character_pinyin(text: str) -> list[str]:
    """The syllable of each character of `text`, such as `zhong1`; marks as they are."""
    pypinyin = _pypinyin()
    return list(
        pypinyin.lazy_pinyin(
            text, style=pypinyin.Style.TONE3, neutral_tone_with_five=True, errors=list
        )
    )


def split_pinyin(syllable: str) -> tuple[str, str]:
    """A syllable such as `zhong1` as its initial and its toned final."""
    _pypinyin()
    from pypinyin.contrib.tone_convert import to_finals_tone3, to_initials

    return to_initials(syllable), to_finals_tone3(syllable, neutral_tone_with_five=True)


@cache
def known_syllables() -> frozenset[str]:
    """All syllables of Mandarin, without tones."""
    _pypinyin()
    from pypinyin.contrib.tone_convert import to_normal
    from pypinyin.pinyin_dict import pinyin_dict

    readings = {reading for listed in pinyin_dict.values() for reading in listed.split(",")}
    return frozenset(to_normal(reading, v_to_u=True) for reading in readings)


def phrase_pinyin(word: str) -> Sequence[str] | None:
    """The syllables of `word` where it is a listed phrase, else None."""
    syllables = _phrases().get(word)
    if syllables is None:
        return None
    from pypinyin.contrib.tone_convert import to_tone3

    return [to_tone3(choices[0], neutral_tone_with_five=True) for choices in syllables]


@cache
def _jieba() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # jieba imports the deprecated pkg_resources
        try:
            import jieba
            import jieba.posseg
        except ImportError as error:
            raise _missing("jieba") from error
    jieba.setLogLevel(logging.WARNING)
    return jieba.posseg


@cache
def _sandhi() -> Any:
    _jieba()
    _pypinyin()
    try:
        from misaki.tone_sandhi import ToneSandhi
    except ImportError as error:
        raise _missing("misaki") from error
    rules = ToneSandhi()
    rules.must_neural_tone_words = (rules.must_neural_tone_words | _NEUTRAL_ADDED) - (
        _NEUTRAL_REMOVED
    )
    return rules


@cache
def _character_map() -> Any:
    _pypinyin()
    try:
        from misaki.zh_normalization.char_convert import tranditional_to_simplified
    except ImportError as error:
        raise _missing("misaki") from error
    return tranditional_to_simplified


@cache
def _pypinyin() -> Any:
    try:
        import pypinyin
    except ImportError as error:
        raise _missing("pypinyin") from error
    return pypinyin


@cache
def _phrases() -> Any:
    _pypinyin()
    from pypinyin.phrases_dict import phrases_dict

    return phrases_dict


def _missing(package: str) -> MissingDependencyError:
    return MissingDependencyError(f"{package} (needed to read Chinese)", f"pip install {package}")
