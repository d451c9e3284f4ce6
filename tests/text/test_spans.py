"""Mixed texts fall into runs of one language."""

from __future__ import annotations

import pytest

from engine.text.identification import LanguageIdentifier
from engine.text.spans import is_readable, settle_mode, spans, spans_for_mode


def runs(text: str, mode: str) -> list[tuple[str, str]]:
    return [(run.language, run.text) for run in spans_for_mode(text, mode)]


def test_english_words_are_english_in_a_chinese_text() -> None:
    expected = [("zh", "把"), ("en", "cache "), ("zh", "清空，再"), ("en", "restart。")]
    assert runs("把cache 清空，再restart。", "zh") == expected


def test_kana_makes_its_neighbours_japanese() -> None:
    assert runs("机の上にcatがいる", "auto") == [
        ("ja", "机の上に"),
        ("en", "cat"),
        ("ja", "がいる"),
    ]


def test_chinese_words_stay_chinese_beside_kana() -> None:
    assert runs("谢谢，さようなら", "auto") == [("zh", "谢谢，"), ("ja", "さようなら")]


def test_hangul_is_korean() -> None:
    assert runs("저는 student입니다", "auto") == [
        ("ko", "저는 "),
        ("en", "student"),
        ("ko", "입니다"),
    ]


def test_cantonese_takes_the_place_of_chinese() -> None:
    assert runs("我哋去MTR站", "auto_yue") == [("yue", "我哋去"), ("en", "MTR"), ("yue", "站")]


def test_numbers_go_with_the_letters_they_touch() -> None:
    assert runs("Room 12 有3张table 4", "auto") == [
        ("en", "Room 12 "),
        ("zh", "有3张"),
        ("en", "table 4"),
    ]


def test_whole_language_modes_take_numbers_for_their_own() -> None:
    assert runs("Room 12 open", "all_zh") == [("en", "Room "), ("zh", "12 "), ("en", "open")]


def test_english_mode_does_not_segment() -> None:
    assert runs("hello 你好", "en") == [("en", "hello 你好")]


@pytest.mark.parametrize("text", ["", "，。", "a你あ가1①αя🎉\n ", "  ", "١٢٣"])
def test_nothing_is_left_out(text: str) -> None:
    assert "".join(run.text for run in spans(text)) == text


def test_undecided_text_is_put_to_the_identifier() -> None:
    identifier = LanguageIdentifier()
    assert spans("日本語", identifier=identifier)[0].language == "ja"
    assert spans("大家好", identifier=identifier)[0].language == "zh"
    assert spans("这是日本", identifier=identifier)[0].language == "zh"


@pytest.mark.parametrize(
    ("text", "mode", "settled"),
    [
        ("2024年，我们去了长城。", "auto", "zh"),
        ("2024年，我们去了长城。", "auto_yue", "yue"),
        ("2024年に行きました。", "auto", "ja"),
        ("안녕하세요 hello", "auto", "ko"),
        ("2024年", "auto", "auto"),
        ("这是ひらがな", "auto", "auto"),
        ("hello", "en", "en"),
    ],
)
def test_a_text_of_one_language_settles_its_mode(text: str, mode: str, settled: str) -> None:
    assert settle_mode(text, mode) == settled


@pytest.mark.parametrize(
    ("text", "mode", "readable"),
    [
        ("你好", "en", False),
        ("你好 5", "en", True),
        ("こんにちは", "zh", False),
        ("①", "zh", True),
        ("안녕", "all_ja", False),
        ("—…", "auto", False),
        ("好", "auto", True),
    ],
)
def test_readable_is_what_the_mode_reads(text: str, mode: str, readable: bool) -> None:
    assert is_readable(text, mode) is readable
