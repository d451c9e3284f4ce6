"""The pronunciation lexicon."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from engine.errors import PronunciationError
from engine.text.frontend import TextFrontend
from engine.text.lexicon import Lexicon, read_lexicon
from engine.text.marks import fold, plain_text
from engine.types import Pronunciation, SplitPolicy

DIFY = Pronunciation("Dify", "en", phonemes="D IH1 F AY0")
SQL = Pronunciation("SQL", alias="sequel")
CHONGQING = Pronunciation("重庆", "zh", phonemes="chong2 qing4")


@pytest.mark.parametrize(
    ("text", "spoken"),
    [
        ("sql and SQL.", "sequel and sequel."),
        ("MySQL, SQLs", "MySQL, SQLs"),
        ("用SQL写", "用sequel写"),
    ],
)
def test_an_alias_replaces_whole_words_in_any_case(text: str, spoken: str) -> None:
    assert Lexicon([SQL]).apply(text, "zh") == spoken


def test_phonemes_mark_a_word_for_each_character_or_once() -> None:
    text = Lexicon([DIFY, CHONGQING]).apply("在重庆用dify。", "zh")
    assert plain_text(text) == "在重庆用Dify。"
    assert [mark.language for mark in fold(text)[1].values()] == ["zh", "zh", "en"]


def test_the_longest_word_counts_and_of_two_alike_the_first() -> None:
    lexicon = Lexicon(
        [
            Pronunciation("AB", alias="one"),
            Pronunciation("AB", alias="two"),
            Pronunciation("AB CD", alias="three"),
        ]
    )
    assert lexicon.apply("AB, AB CD", "en") == "one, three"


@pytest.mark.parametrize(
    ("of_entry", "language", "applies"),
    [
        ("", "fr", True),
        ("en", "en", True),
        ("en", "zh", True),
        ("en", "fr", False),
        ("zh", "all_zh", True),
        ("zh", "yue", False),
        ("ja", "auto", True),
        ("yue", "auto", False),
        ("yue", "auto_yue", True),
        ("zh", "auto_yue", False),
    ],
)
def test_an_entry_applies_where_its_language_may_stand(
    of_entry: str, language: str, *, applies: bool
) -> None:
    text = Lexicon([Pronunciation("X", of_entry, alias="Y")]).apply("X", language)
    assert text == ("Y" if applies else "X")


def test_a_reading_in_the_text_comes_before_the_lexicon() -> None:
    frontend = TextFrontend("v2", pronunciations=[CHONGQING, DIFY])
    (piece,) = frontend.sentences(
        "重庆[zhong4 qing4]的 Dify。",
        "zh",
        SplitPolicy.NONE,
        Lexicon([Pronunciation("dify", alias="D")]),
    )
    folded, marks = fold(piece)
    assert [mark.reading for mark in marks.values()] == ["zh ong4", "q ing4"]
    assert folded.endswith("的 D。")


@pytest.mark.parametrize(
    ("entry", "field"),
    [
        (Pronunciation("a"), "alias"),
        (Pronunciation("a", alias="b", phonemes="AA1"), "alias"),
        (Pronunciation(" ", alias="b"), "word"),
        (Pronunciation("a" * 101, alias="b"), "word"),
        (Pronunciation("a", alias="b" * 301), "alias"),
        (Pronunciation("重庆", "zh", phonemes="chong2"), "phonemes"),
        (Pronunciation("重庆", "zh", phonemes="chong2 qing"), "phonemes"),
        (Pronunciation("word", "en", phonemes="W UR1 D"), "phonemes"),
        (Pronunciation("word", "fr", phonemes="W"), "phonemes"),
        (Pronunciation("今日", "ja", phonemes="kyou"), "phonemes"),
    ],
)
def test_a_wrong_entry_is_named(entry: Pronunciation, field: str) -> None:
    with pytest.raises(PronunciationError) as caught:
        Lexicon([SQL, entry])
    assert caught.value.field == f"pronunciations[1].{field}"


def test_a_lexicon_is_read_from_json(tmp_path: Path) -> None:
    path = tmp_path / "lexicon.json"
    entries = [
        {"word": "SQL", "alias": "sequel"},
        {"word": "重庆", "language": "zh", "phonemes": "chong2 qing4"},
    ]
    path.write_text(json.dumps(entries), "utf-8")
    assert read_lexicon(path) == (SQL, CHONGQING)


@pytest.mark.parametrize(
    "content",
    ["{}", "[", '[{"alias": "x"}]', '[{"word": "x", "phonemes": "??", "language": "en"}]'],
)
def test_a_wrong_lexicon_file_is_named(tmp_path: Path, content: str) -> None:
    path = tmp_path / "lexicon.json"
    path.write_text(content, "utf-8")
    with pytest.raises(PronunciationError, match=r"lexicon\.json"):
        read_lexicon(path)


def test_a_large_lexicon_over_a_long_text_takes_little_time() -> None:
    lexicon = Lexicon([Pronunciation(f"字{n}", alias="x") for n in range(5000)])
    assert lexicon.apply("字" * 3000 + "字7 ", "zh").endswith("x ")
