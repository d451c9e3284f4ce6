"""Readings in brackets, and what malformed ones are answered with."""

from __future__ import annotations

import pytest

from engine.errors import PronunciationError
from engine.text.frontend import TextFrontend
from engine.text.marks import Mark, fold, keep_marks, plain_text, unfold
from engine.text.readings import mark_inline
from engine.types import SplitPolicy, TextSegment


@pytest.fixture(scope="module")
def frontend() -> TextFrontend:
    return TextFrontend("v2")


def spoken(frontend: TextFrontend, text: str, language: str) -> list[tuple[str, str]]:
    """The language and the phonemes of each segment of each piece."""
    pieces = frontend.sentences(text, language, SplitPolicy.PUNCTUATION)
    segments = [s for piece in pieces for s in frontend.phonemes(piece, language).segments]
    return [(segment.language, " ".join(segment.phonemes)) for segment in segments]


@pytest.mark.parametrize(
    ("text", "language", "expected"),
    [
        ("他在银行[xing2]工作。", "zh", "y in2 x ing2 g ong1"),
        ("他在银行[yin4 xing2]工作。", "zh", "y in4 x ing2"),
        ("他在银行[yin4xing2]工作。", "auto", "y in4 x ing2"),
        ("我穿绿[lv4]色的衣服。", "zh", "l v4 s e4"),
        ("我穿绿[lü4]色的衣服。", "all_zh", "l v4 s e4"),
        ("佢喺銀行[hang4]做嘢。", "yue", "Yng Yan4 Yh Yang4 Yz You6"),
        ("佢喺銀行[hang4]做嘢。", "auto_yue", "Yh Yang4"),
        ("今日[こんにち]は晴れです。", "ja", "k o ] N n i ch i w a"),
        ("今日[コンニチ]は晴れです。", "auto", "k o ] N n i ch i w a"),
        ("They read[R EH1 D] it live[L AY1 V].", "en", "R EH1 D IH1 T L AY1 V"),
        ("这是 live[L AY1 V] 音乐。", "zh", "L AY1 V"),
        ("**银行**[yin4 xing2]里有人。", "zh", "y in4 x ing2"),
    ],
)
def test_a_reading_in_brackets_is_spoken(
    frontend: TextFrontend, text: str, language: str, expected: str
) -> None:
    assert expected in " ".join(phonemes for _, phonemes in spoken(frontend, text, language))


def test_a_read_character_keeps_its_place_among_the_characters(frontend: TextFrontend) -> None:
    piece = frontend.sentences("他在银行[xing2]工作。", "zh", SplitPolicy.NONE)[0]
    (segment,) = frontend.phonemes(piece, "zh").segments
    assert segment.normalized_text == "他在银行工作."
    assert segment.word2ph == (2, 2, 2, 2, 2, 2, 1)


def test_a_read_word_alone_is_spoken_in_its_own_language(frontend: TextFrontend) -> None:
    assert spoken(frontend, "live[L AY1 V]", "zh")[-1][0] == "en"
    assert ("zh", "h ang2") in spoken(frontend, "行[hang2]", "en")


@pytest.mark.parametrize(
    "text",
    [
        "see [1] and [note]",
        "a[0] = b[i]",
        "cell[A1]",
        "数组[i]",
        "[好](http://x.org)",
        "苹果[apple]",
    ],
)
def test_other_brackets_are_text(text: str) -> None:
    assert mark_inline(text, "zh") == text


@pytest.mark.parametrize(
    ("text", "language", "offender"),
    [
        ("请行[hang9]。", "zh", "'hang9' in 行[hang9]"),
        ("请行[xyz2]。", "zh", "'xyz2' in 行[xyz2]"),
        ("请行[fong1]。", "zh", "'fong1'"),
        ("一[yi1 yi1]。", "zh", "一[yi1 yi1]"),
        ("請行[xang4]。", "yue", "'xang4' in 行[xang4] is no jyutping"),
        ("a word[AE1 QQ].", "en", "'QQ' in word[AE1 QQ]"),
        ("今[hao4]です", "ja", "今[hao4]"),
    ],
)
def test_a_malformed_reading_is_refused_by_name(text: str, language: str, offender: str) -> None:
    with pytest.raises(PronunciationError) as caught:
        mark_inline(text, language)
    assert offender in str(caught.value)
    assert caught.value.field == "text"


def test_many_brackets_take_little_time() -> None:
    long = "字" * 20_000
    assert mark_inline(long + "[" * 1000, "zh") == long + "[" * 1000


def test_marks_fold_into_one_character_each_and_back() -> None:
    text = f"在{Mark('zh', '行', 'x ing2')}和{Mark('en', 'live', 'L AY1 V')}。"
    folded, marks = fold(text)
    assert len(folded) == 5
    assert unfold(folded, marks) == text
    assert plain_text(text) == "在行和live。"


def test_a_mark_keeps_its_language_in_any_run() -> None:
    text = f"ab{Mark('zh', '行', 'x ing2')}c"
    runs = keep_marks(text, [TextSegment("ab行c", "en")])
    assert [(plain_text(run.text), run.language) for run in runs] == [
        ("ab", "en"),
        ("行", "zh"),
        ("c", "en"),
    ]


def test_no_text_brings_its_own_marks(frontend: TextFrontend) -> None:
    (piece,) = frontend.sentences(f"hello {Mark('en', 'x', 'QQ')} there", "en", SplitPolicy.NONE)
    assert plain_text(piece) == piece
