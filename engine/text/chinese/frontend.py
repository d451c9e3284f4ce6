"""The Mandarin front end."""

from __future__ import annotations

import re
from collections.abc import Mapping

from engine.text.chinese.libraries import cut_words, sandhi, simplified
from engine.text.chinese.normalizer import normalize
from engine.text.chinese.pinyin import syllable_phonemes
from engine.text.chinese.polyphones import (
    DictionaryPronouncer,
    PolyphonePredictor,
    PredictingPronouncer,
)
from engine.text.marks import Mark, fold, written
from engine.text.symbols import PAUSE_MARKS, SymbolTable
from engine.types import PhonemeSegment


def _words(line: str) -> frozenset[str]:
    return frozenset(line.split())


_CLAUSE = re.compile(r"[^!?…,.\-]*[!?…,.\-]|[^!?…,.\-]+")
_ALWAYS_ERHUA = _words("妥妥儿 媳妇儿 寻老礼儿 小院儿 撒欢儿 老汉儿 胡同儿 范儿")
_NEVER_ERHUA = _words(
    """一儿 为儿 乞儿 体弱儿 侄儿 侄孙儿 俺儿 可儿 女儿 妻儿 婴儿 婴幼儿 孙儿 孤儿 少儿 幼儿
    应采儿 患儿 我儿 护儿 拐儿 救儿 替儿 有儿 流浪儿 混血儿 狗儿 猪儿 猫儿 男儿 瞒儿 祖儿
    红孩儿 美儿 聋儿 脑瘫儿 舫儿 花儿 虐儿 虫儿 蜜雪儿 连体儿 马儿 鸟儿"""
)


class ChineseFrontend:
    """Reads Mandarin, two phonemes a character.

    Args:
        table: its version decides whether a final 儿 takes the tone before it (v2).
        predictor: decides readings by context; without one pypinyin's dictionaries do.
    """

    def __init__(self, table: SymbolTable, predictor: PolyphonePredictor | None = None) -> None:
        self._has_erhua = table.version != "v1"
        self._pronouncer = (
            DictionaryPronouncer() if predictor is None else PredictingPronouncer(predictor)
        )

    def read(self, text: str) -> PhonemeSegment:
        """The phonemes of `text` with `word2ph` for each character of its normalized form."""
        folded, marks = fold(text)
        folded = normalize(folded)
        phonemes: list[str] = []
        word2ph: list[int] = []
        words: list[tuple[str, int]] = []
        for clause in _CLAUSE.findall(folded):
            for word, sounds in self._marked_clause(clause, marks):
                phonemes.extend(sound for character in sounds for sound in character)
                counts = [len(character) for character in sounds]
                word2ph.extend(counts)
                words.append((word, sum(counts)))
        normalized = simplified(written(folded, marks)) if marks else folded
        return PhonemeSegment("zh", normalized, tuple(phonemes), tuple(word2ph), tuple(words))

    def _marked_clause(
        self, clause: str, marks: Mapping[str, Mark]
    ) -> list[tuple[str, list[tuple[str, ...]]]]:
        """Like `_clause`, the characters with marks read as those say."""
        words = self._clause(simplified(written(clause, marks)) if marks else clause)
        folded = iter(clause)
        for _, sounds in words:
            for index in range(len(sounds)):
                if mark := marks.get(next(folded)):
                    sounds[index] = mark.phonemes
        return words

    def _clause(self, clause: str) -> list[tuple[str, list[tuple[str, ...]]]]:
        """The words of `clause`, each with the phonemes of its characters."""
        rules = sandhi()
        merged = [(str(word), str(tag)) for word, tag in self._merged(clause)]
        readings = self._pronouncer.read(clause, [word for word, _ in merged])
        words: list[tuple[str, list[tuple[str, ...]]]] = []
        for (word, tag), (initials, tones) in zip(merged, readings, strict=True):
            finals = rules.modified_tone(word, tag, tones)
            if self._has_erhua:
                finals = _with_erhua(word, tag, finals)
            words.append((word, list(map(_character, initials, finals))))
        return words

    def _merged(self, clause: str) -> list[tuple[str, str]]:
        merged: list[tuple[str, str]] = sandhi().pre_merge_for_modify(cut_words(clause))
        return merged


def _character(initial: str, final: str) -> tuple[str, ...]:
    return (initial,) if initial in PAUSE_MARKS else syllable_phonemes(initial, final)


def _with_erhua(word: str, tag: str, finals: list[str]) -> list[str]:
    """A closing 儿 takes the tone of the syllable it colours, unless it is a word of its own."""
    if not word.endswith("儿") or len(finals) != len(word):
        return finals
    last = "er2" if finals[-1] == "er1" else finals[-1]
    kept = word not in _ALWAYS_ERHUA and (word in _NEVER_ERHUA or tag in ("a", "j", "nr"))
    if not kept and last in ("er2", "er5") and word[-2:] not in _NEVER_ERHUA and len(word) > 1:
        last = "er" + finals[-2][-1]
    return [*finals[:-1], last]
