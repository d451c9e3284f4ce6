"""Short and odd texts: something is said in every language, and nothing is swallowed."""

from __future__ import annotations

import pytest

from engine.checkpoints.bundle_folder import SpeechDefaults
from engine.models.text_to_semantic import TextToSemanticConfig
from engine.pipeline.sentence import TOKENS_PER_PHONEME
from engine.text.frontend import TextFrontend
from engine.text.symbols import PAUSE_MARKS, UNKNOWN
from engine.types import SplitPolicy

SILENT = {*PAUSE_MARKS, UNKNOWN, "_", "空", "停", "[", "]"}


@pytest.fixture(scope="module")
def frontend() -> TextFrontend:
    return TextFrontend("v2")


def phonemes(frontend: TextFrontend, text: str, language: str) -> list[str]:
    """What is heard of `text`, marks left out."""
    pieces = frontend.sentences(text, language, SplitPolicy.PUNCTUATION)
    segments = [s for piece in pieces for s in frontend.phonemes(piece, language).segments]
    return [p for segment in segments for p in segment.phonemes if p not in SILENT]


@pytest.mark.parametrize(
    ("text", "language", "fewest"),
    [
        ("I", "en", 1),
        ("a", "en", 1),
        ("7", "en", 5),
        ("Hi.", "en", 2),
        ("Go home", "en", 5),
        ("好", "zh", 2),
        ("7", "zh", 2),
        ("你好。", "zh", 4),
        ("七个字的句子啊", "zh", 14),
        ("好", "yue", 2),
        ("7", "yue", 2),
        ("今日天氣好呀", "yue", 12),
        ("木", "ja", 2),
        ("7", "ja", 4),
        ("こんにちは！", "ja", 9),
        ("네", "ko", 2),
        ("7", "ko", 3),
        ("안녕하세요!", "ko", 12),
        ("好", "auto", 2),
        ("네", "auto", 2),
    ],
)
def test_the_shortest_texts_are_said_whole(
    frontend: TextFrontend, text: str, language: str, fewest: int
) -> None:
    assert len(phonemes(frontend, text, language)) >= fewest


def test_a_lone_digit_is_no_decimal(frontend: TextFrontend) -> None:
    assert phonemes(frontend, "7", "zh") == ["q", "i1"]
    assert phonemes(frontend, "7。", "yue") == ["Yc", "Yat1"]


@pytest.mark.parametrize(
    ("text", "language", "first", "last"),
    [
        ("Yes, we can. No", "en", "Y", "OW1"),
        ("你好。再见", "zh", "n", "ian4"),
        ("你好，今天天气不错。好", "zh", "n", "ao3"),
        ("はい。そうです", "ja", "h", "u"),
        ("네. 좋아요", "ko", "ㄴ", "ㅗ"),
        ("好。多謝", "yue", "Yh", "Ye6"),
    ],
)
def test_neither_start_nor_end_is_swallowed(
    frontend: TextFrontend, text: str, language: str, first: str, last: str
) -> None:
    heard = phonemes(frontend, text, language)
    assert (heard[0], heard[-1]) == (first, last)


@pytest.mark.parametrize(
    ("text", "language", "same_as"),
    [
        ("Great 👍🏽 job 😀!", "en", "Great job!"),
        ("太好了👍🏽😀！", "zh", "太好了！"),
        ("すごい👍！", "ja", "すごい！"),
        ("좋아요👍!", "ko", "좋아요!"),
        ("好嘢👍！", "yue", "好嘢！"),
        ("See www.example.org/x?y=1.", "en", "See https://example.org."),
        ("看 https://www.example.org/a 吧。", "zh", "看 example dot org 吧。"),
        ("Mail me@example.com now.", "en", "Mail me at example dot com now."),
        ("**重** `要` [事](http://x.y)", "zh", "重 要 事"),
        ("5kg", "zh", "五千克"),
        ("Mr. Smith", "en", "mister Smith"),
        ("1. 一\n2. 二", "zh", "一。一。二。二。"),
        ("二〇二四年", "zh", "二零二四年"),
        ("人々", "zh", "人人"),
        ("№5，①②，第Ⅳ章，5µm", "zh", "第五，一，二，第四章，五微米"),
        ("二〇二四年", "yue", "二零二四年"),
        ("二〇二四年、髙橋、𠮷野", "ja", "2024年、高橋、吉野"),
        ("③番、α版", "ja", "3番、alpha 版"),
        ("③번, 5µm", "ko", "3번, 5마이크로미터"),
        ("№ 5, ① plum, Ⅳ, H₂O", "en", "number 5, 1 plum, 4, H2O"),
        ("1234567890123456", "en", "1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6"),
        ("٣ plums and १२", "en", "3 plums and 12"),
        ("50 µg, 5 kΩ, π", "en", "50 micrograms, 5 kilohms, pi"),
        ("Straße, Bjørn, Łódź, Æsop, Việt", "en", "Strasse, Bjorn, Lodz, Aesop, Viet"),
    ],
)
def test_layout_and_notation_are_skipped_or_said(
    frontend: TextFrontend, text: str, language: str, same_as: str
) -> None:
    assert phonemes(frontend, text, language) == phonemes(frontend, same_as, language)


def test_lines_without_a_mark_are_sentences_of_their_own(frontend: TextFrontend) -> None:
    pieces = frontend.sentences("One line here\nanother line", "en", SplitPolicy.NONE)
    assert [piece.strip() for piece in pieces] == ["One line here.", "another line."]


@pytest.mark.parametrize("text", ["😀", "...", "---", "``` \n```", "!?"])
def test_nothing_to_say_has_no_pieces(frontend: TextFrontend, text: str) -> None:
    assert frontend.sentences(text, "en", SplitPolicy.PUNCTUATION) == []


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", " ".join(map(str, range(1, 101)))),
        ("en", "the river runs past old houses and green fields " * 20),
        ("zh", "我们今天早上去公园看了很多漂亮的花" * 30),
        ("en", "7" * 200),
    ],
)
def test_no_piece_is_longer_than_models_can_speak(
    frontend: TextFrontend, language: str, text: str
) -> None:
    widest = SpeechDefaults().widest_piece
    pieces = frontend.sentences(text, language, SplitPolicy.NONE, widest=widest)
    tokens = [len(phonemes(frontend, piece, language)) * TOKENS_PER_PHONEME for piece in pieces]
    assert max(tokens) <= TextToSemanticConfig(732, 1025).max_tokens
