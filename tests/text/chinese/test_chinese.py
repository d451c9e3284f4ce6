"""Mandarin is normalized, its tones change as spoken, and networks may decide its readings."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from engine.text.chinese.frontend import ChineseFrontend
from engine.text.chinese.normalizer import normalize
from engine.text.chinese.numbers import cardinal, digits, number
from engine.text.chinese.pinyin import syllable_phonemes
from engine.text.symbols import SymbolTable


@pytest.fixture(scope="module")
def chinese() -> ChineseFrontend:
    return ChineseFrontend(SymbolTable("v2"))


@pytest.mark.parametrize(
    ("written", "spoken"),
    [
        ("0", "零"),
        ("10", "十"),
        ("110", "一百一十"),
        ("1001", "一千零一"),
        ("10010", "一万零一十"),
        ("100000001", "一亿零一"),
        ("12.50", "十二点五"),
        (".5", "零点五"),
        ("12345678901234567", "一二三四五六七八九零一二三四五六七"),
    ],
)
def test_numbers_are_read(written: str, spoken: str) -> None:
    assert number(written) == spoken


def test_digits_are_read_one_by_one() -> None:
    assert digits("110", telephone=True) == "幺幺零"
    assert cardinal("") == ""


@pytest.mark.parametrize(
    ("written", "spoken"),
    [
        ("1998年8月18日", "一九九八年八月十八日"),
        ("2020-02-29", "二零二零年二月二十九日"),
        ("早上8:05到9:30", "早上八点零五分到九点半"),
        ("8:00-9:15", "八点至九点十五分"),
        ("-3.5℃", "零下三点五度"),
        ("1/3和50%", "三分之一和百分之五十"),
        ("3+4=7", "三加四等于七"),
        ("x²", "的二次方"),
        ("13900001111", "幺三九零零零零幺幺幺幺"),
        ("5~8个", "五到八个"),
        ("v3.11.4", "三点一一点四"),
        ("20多人", "二十多人"),
        ("繁體：測試", "繁体,测试"),
        ("αβ①", "阿尔法贝塔一"),
        ("（括号）《书名》“引号”", "括号书名引号"),
        ("好……吧！！！", "好…吧!"),
        ("abc", ""),
    ],
)
def test_signs_and_numbers_are_written_in_characters(written: str, spoken: str) -> None:
    assert normalize(written) == spoken


@pytest.mark.parametrize(
    ("text", "phonemes"),
    [
        ("你好", "n i2 h ao3"),
        ("不怕", "b u2 p a4"),
        ("不行", "b u4 x ing2"),
        ("一天一个", "y i4 t ian1 y i2 g e5"),
        ("第一", "d i4 y i1"),
        ("看一看", "k an4 y i5 k an4"),
        ("奶奶的东西", "n ai3 n ai5 d e5 d ong1 x i5"),
        ("言语", "y En2 y v3"),
        ("爷", "y E2"),
        ("安，俄，欧", "AA an1 , EE e2 , OO ou1"),
        ("日子吃词", "r ir4 z i05 ch ir1 c i02"),
    ],
)
def test_characters_are_two_phonemes_with_spoken_tones(
    chinese: ChineseFrontend, text: str, phonemes: str
) -> None:
    assert " ".join(chinese.read(text).phonemes) == phonemes


def test_closing_er_takes_the_tone_before_it_in_v2_alone(chinese: ChineseFrontend) -> None:
    assert chinese.read("一会儿").phonemes[-1] == "er4"
    assert ChineseFrontend(SymbolTable("v1")).read("一会儿").phonemes[-1] == "er5"


class Reciter:
    """A predictor that knows its answer beforehand."""

    name = "reciter"

    def __init__(self, *syllables: str) -> None:
        self.syllables, self.clauses = syllables, [""]

    def read(self, clause: str) -> Sequence[str]:
        self.clauses.append(clause)
        return self.syllables


def test_predictor_decides_readings_clause_by_clause() -> None:
    predictor = Reciter("xing2", "le5", "!")
    segment = ChineseFrontend(SymbolTable("v2"), predictor).read("行了！")
    assert segment.phonemes == ("x", "ing2", "l", "e5", "!")
    assert predictor.clauses == ["", "行了!"]


def test_phrases_overrule_the_predictor() -> None:
    predictor = Reciter("zhong4", "qing4")
    segment = ChineseFrontend(SymbolTable("v2"), predictor).read("重庆")
    assert segment.phonemes == ("ch", "ong2", "q", "ing4")


def test_word2ph_counts_phonemes_of_each_character(chinese: ChineseFrontend) -> None:
    segment = chinese.read("嗯，3个。")
    assert segment.normalized_text == "恩,三个."
    assert segment.word2ph == (2, 1, 2, 2, 1)


def test_syllables_that_mandarin_lacks_are_unknown() -> None:
    assert syllable_phonemes("", "m2") == ("UNK", "UNK")
    assert syllable_phonemes("zh", "i") == ("UNK", "UNK")
    assert syllable_phonemes("l", "ve4") == ("l", "ve4")
