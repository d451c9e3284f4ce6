"""Words that the chosen language does not read: others read them, or the caller is told."""

from __future__ import annotations

import pytest

from engine.text.frontend import TextFrontend
from engine.text.guests import has_words, scripts_of, share_out
from engine.text.spans import spans_for_mode
from engine.types import SplitPolicy, TextSegment

ALL = ("en", "zh", "yue", "ja", "ko")


@pytest.fixture(scope="module")
def frontend() -> TextFrontend:
    return TextFrontend("v2")


def shared(text: str, mode: str, spoken: tuple[str, ...]) -> list[tuple[str, str]]:
    runs = share_out(spans_for_mode(text, mode), (*spoken, mode))
    return [(run.language, run.text) for run in runs]


@pytest.mark.parametrize(
    ("text", "mode", "runs"),
    [
        ("Say 你好!", "en", [("en", "Say "), ("zh", "你好!")]),
        ("Say 이름, ok", "en", [("en", "Say "), ("ko", "이름, "), ("en", "ok")]),
        ("日本語です ok", "en", [("ja", "日本語です "), ("en", "ok")]),
        ("月亮の歌", "zh", [("zh", "月亮"), ("ja", "の"), ("zh", "歌")]),
        ("呢個の", "yue", [("yue", "呢個"), ("ja", "の")]),
        ("「你好」です", "ja", [("zh", "「你好」"), ("ja", "です")]),
        ("漢字를 3月에", "ko", [("zh", "漢字"), ("ko", "를 "), ("zh", "3月"), ("ko", "에")]),
        ("Le mot 你好", "fr", [("fr", "Le mot "), ("zh", "你好")]),
        ("a привет b", "auto", [("en", "a "), ("", "привет"), ("en", " b")]),
    ],
)
def test_a_word_goes_to_the_language_of_its_script(
    text: str, mode: str, runs: list[tuple[str, str]]
) -> None:
    assert shared(text, mode, ALL) == runs
    assert "".join(part for _, part in shared(text, mode, ("en",))) == text


def test_what_nobody_speaks_is_nobodys() -> None:
    assert shared("Say 你好!", "en", ("en",)) == [("en", "Say "), ("", "你好"), ("en", "!")]
    assert shared("元気です。", "auto", ("en", "zh")) == [("", "元気です"), ("en", "。")]
    assert shared("Oh привет, я!", "en", ("en",))[-2:] == [("", "я"), ("en", "!")]
    assert shared("我用Python", "zh", ("zh",)) == [("zh", "我用"), ("", "Python")]


@pytest.mark.parametrize("mode", ["en", "zh", "yue", "ja", "ko", "auto", "auto_yue", "all_zh"])
@pytest.mark.parametrize("text", ["", "，。", "a你あ가1①αя🎉\n ", "١٢٣", "Tiếng Việt", "สวัสดี 5"])
def test_nothing_is_lost_on_the_way(text: str, mode: str) -> None:
    assert "".join(part for _, part in shared(text, mode, ALL)) == text


def test_words_and_their_scripts_are_known() -> None:
    assert has_words("(я)") and has_words("٣") and not has_words("①½²😀— ̈")
    assert scripts_of("я and 你, ไทย") == ["Cjk", "Cyrillic", "Latin", "Thai"]


@pytest.mark.parametrize(
    ("text", "language", "left_out"),
    [
        ("The words привет мир, or שלום.", "en", "привет мир שלום"),
        ("Tiếng Việt: naïve Łódź", "en", ""),
        ("他姓𠮷", "zh", "𠮷"),
        ("二〇二四年，人々", "zh", ""),
        ("髙橋さんと草彅さん", "ja", ""),
        ("Le mot привет", "fr", "привет"),
        ("이 привет 좋아요", "ko", "привет"),
    ],
)
def test_words_that_nobody_reads_are_told(
    frontend: TextFrontend, text: str, language: str, left_out: str
) -> None:
    pieces = frontend.sentences(text, language, SplitPolicy.NONE, spoken=ALL)
    told = [frontend.phonemes(piece, language, spoken=ALL).left_out for piece in pieces]
    assert " ".join(told) == left_out


def test_a_word_that_the_dictionary_lacks_is_told(frontend: TextFrontend) -> None:
    assert frontend.phonemes("囧です。", "ja", spoken=("ja",)).left_out == "囧"
    assert frontend.phonemes("囧です。", "ja", spoken=ALL).left_out == ""


def test_without_the_spoken_languages_the_official_reading_is_given(
    frontend: TextFrontend,
) -> None:
    (segment,) = frontend.phonemes("Please say 你好 now.", "en").segments
    assert segment.normalized_text == "Please say  now."
    assert frontend.sentences("你好。", "en", SplitPolicy.NONE) == []
    assert frontend.sentences("你好。", "en", SplitPolicy.NONE, spoken=("en",)) == [".你好。"]


def test_readings_in_brackets_stay_with_their_words(frontend: TextFrontend) -> None:
    (piece,) = frontend.sentences("Say 银行[hang2] now.", "en", SplitPolicy.NONE, spoken=ALL)
    segments = frontend.phonemes(piece, "en", spoken=ALL).segments
    assert [s.language for s in segments] == ["en", "zh", "en"]
    assert segments[1].phonemes[-2:] == ("h", "ang2")


def test_marks_alone_are_no_run_of_their_own() -> None:
    assert share_out([TextSegment("…, ", "en")], ("en",)) == [TextSegment("…, ", "en")]
