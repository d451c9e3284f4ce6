"""One door to all languages: codes, modes, errors and the sound of mixed text."""

from __future__ import annotations

import subprocess
import sys
import time

import pytest

from engine.errors import EmptyTextError, UnsupportedLanguageError
from engine.text.frontend import TextFrontend
from engine.types import SplitPolicy


@pytest.fixture(scope="module")
def frontend() -> TextFrontend:
    return TextFrontend("v2")


def symbols(frontend: TextFrontend, text: str, language: str) -> str:
    ids = frontend.phonemes(text, language).phoneme_ids
    return " ".join(frontend.table.symbols[index] for index in ids)


def test_english_inside_chinese_is_spoken(frontend: TextFrontend) -> None:
    phonemes = frontend.phonemes("请打开window。", "zh")
    assert [segment.language for segment in phonemes.segments] == ["zh", "en"]
    assert symbols(frontend, "请打开window。", "zh") == ("q ing2 d a3 k ai1 W IH1 N D OW0 .")


def test_chinese_segments_count_phonemes_for_each_character(frontend: TextFrontend) -> None:
    (segment,) = frontend.phonemes("今天是星期一。", "zh").segments
    assert segment.word2ph is not None
    assert len(segment.word2ph) == len(segment.normalized_text)
    assert sum(segment.word2ph) == len(segment.phonemes)


def test_very_short_text_gets_a_stop_before_it(frontend: TextFrontend) -> None:
    assert symbols(frontend, "好", "zh") == ". h ao3"
    assert symbols(frontend, "Go", "en") == ", . G OW1"


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("", "en"),
        ("...", "zh"),
        ("你好", "en"),
        ("こんにちは", "zh"),
        ("!?", "auto"),
        ("「」", "ja"),
    ],
)
def test_nothing_speakable_is_an_error(frontend: TextFrontend, text: str, language: str) -> None:
    with pytest.raises(EmptyTextError):
        frontend.phonemes(text, language)


@pytest.mark.parametrize("language", ["nl", "", "EN", "all_en", "all_fr", "auto_ja"])
def test_unknown_languages_are_refused(frontend: TextFrontend, language: str) -> None:
    with pytest.raises(UnsupportedLanguageError, match="known: en, zh"):
        frontend.phonemes("hello", language)
    with pytest.raises(UnsupportedLanguageError):
        frontend.sentences("hello", language, SplitPolicy.NONE)


def test_v1_reads_fewer_languages() -> None:
    frontend = TextFrontend("v1")
    assert frontend.languages == ("en", "zh", "ja", *frontend.mapped_languages)
    with pytest.raises(UnsupportedLanguageError):
        frontend.phonemes("안녕하세요", "auto")


def test_sentences_are_cleaned_cut_and_speakable(frontend: TextFrontend) -> None:
    answer = "## 步骤\n\n1. 打开**设置**，\n2. 点击`OK` 🎉\n\n---\n```sh\nrm x\n```\n完成！"
    pieces = frontend.sentences(answer, "zh", SplitPolicy.CHINESE_STOP)
    assert pieces == ["步骤1. 打开设置，", "2. 点击OK完成！"]
    assert frontend.sentences("完成 done", "en", SplitPolicy.NONE) == ["完成 done."]
    assert frontend.sentences("只有中文。再来一句。", "en", SplitPolicy.PUNCTUATION) == []


def test_every_piece_of_a_mixed_answer_can_be_read(frontend: TextFrontend) -> None:
    answer = "Sure! 当然可以。\n- первый\n- 二つ目\n* №3 — ok?\n😀\n안녕. Ω = 5 kΩ; ½ & ©"
    for language in ("zh", "en", "ja", "ko", "yue", "auto", "auto_yue", "all_zh"):
        for piece in frontend.sentences(answer, language, SplitPolicy.PUNCTUATION):
            assert frontend.phonemes(piece, language).phoneme_ids


def test_a_chinese_text_settles_on_chinese(frontend: TextFrontend) -> None:
    assert frontend.settle("2024年，我们说汉语。", "auto") == "zh"
    assert TextFrontend("v1").settle("안녕", "auto") == "auto"


@pytest.mark.parametrize(
    "unit", ["你好，", "word ", "1", "🎉a", "|*_`[", "あ", "가나 ", "½α\u0301"]
)
def test_hundred_thousand_characters_are_cut_in_bounded_time(
    frontend: TextFrontend, unit: str
) -> None:
    text = unit * (100_000 // len(unit))
    started = time.process_time()
    frontend.sentences(text, "auto", SplitPolicy.PUNCTUATION)
    assert time.process_time() - started < 5.0


@pytest.mark.parametrize(
    ("language", "unit"),
    [
        (language, unit)
        for language in ("en", "zh", "ja", "ko", "yue", "fr")
        for unit in ("a", "9", "1/", "x'", "-5.", "$9")
    ]
    + [("zh", "你"), ("yue", "你"), ("ja", "山"), ("ja", "あ"), ("ko", "가")],
)
def test_the_longest_piece_is_read_in_bounded_time(
    frontend: TextFrontend, language: str, unit: str
) -> None:
    frontend.phonemes("one 1 " + unit, language)  # dictionaries are loaded
    started = time.process_time()
    frontend.phonemes((unit * 510)[:510], language)
    assert time.process_time() - started < 5.0


def test_importing_the_front_end_loads_no_dictionary() -> None:
    heavy = "torch jieba pypinyin nltk wordsegment misaki pyopenjtalk ToJyutping mecab fasttext"
    heavy += " num2words onnxruntime"
    code = (
        "import sys, engine.text.frontend; from engine.text.frontend import TextFrontend\n"
        "TextFrontend('v2')\n"
        f"print([name for name in {heavy.split()} if name in sys.modules])"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "[]"
