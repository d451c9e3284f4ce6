"""Which phonemes speak which part of the caller's text."""

from __future__ import annotations

import pytest

from engine.text.frontend import TextFrontend
from engine.text.locating import Locator
from engine.text.units import TextUnit, text_units, whole_words
from engine.types import Phonemes, PhonemeSegment, SplitPolicy

LANGUAGES = {
    "en": "Hello there, it costs $5 in 2024 and 1,234 more.",
    "zh": "今天是2024年，天氣很好！我喜欢Python编程。",
    "ja": "今日はとても良い天気ですね。東京タワーへ行きました。",
    "ko": "안녕하세요 오늘 날씨가 좋습니다.",
    "yue": "我哋去食飯啦，好唔好？",
}


@pytest.fixture(scope="module")
def frontend() -> TextFrontend:
    return TextFrontend("v2")


def read(frontend: TextFrontend, text: str, language: str) -> list[tuple[Phonemes, list[TextUnit]]]:
    """The phonemes and units of each sentence of `text`."""
    locator = Locator(text)
    sentences = frontend.sentences(text, language, SplitPolicy.PUNCTUATION)
    phonemes = [frontend.phonemes(sentence, language) for sentence in sentences]
    pairs = zip(phonemes, sentences, strict=True)
    return [(each, text_units(each, locator.locate(sentence))) for each, sentence in pairs]


def written(frontend: TextFrontend, text: str, language: str) -> list[str]:
    sentences = read(frontend, text, language)
    words = [unit for _, units in sentences for unit in whole_words(units)]
    return [text[unit.text_start : unit.text_end] for unit in words]


@pytest.mark.parametrize(("language", "text"), LANGUAGES.items())
def test_units_go_through_text_and_phonemes_in_order(
    frontend: TextFrontend, language: str, text: str
) -> None:
    position = 0
    for phonemes, units in read(frontend, text, language):
        assert units
        spoken = 0.0
        for unit in units:
            assert position <= unit.text_start < unit.text_end <= len(text)
            assert spoken <= unit.first + 1e-6 < unit.last
            position, spoken = unit.text_end, unit.last
        assert spoken <= len(phonemes.phoneme_ids) + 1e-6


@pytest.mark.parametrize(("language", "text"), LANGUAGES.items())
def test_front_ends_count_every_phoneme_of_their_words(
    frontend: TextFrontend, language: str, text: str
) -> None:
    segment = frontend.phonemes(text, language).segments[0]
    counts = sum(count for _, count in segment.words) or sum(segment.word2ph or ())
    assert counts == len(segment.phonemes)


def test_what_is_read_as_one_stays_together(frontend: TextFrontend) -> None:
    words = written(frontend, "It costs $5 in 2024, or 1,234 pounds.", "en")
    assert words == ["It", "costs", "$5", "in", "2024", "or", "1,234", "pounds"]


def test_what_is_said_in_other_words_stands_where_it_is_written(frontend: TextFrontend) -> None:
    assert written(frontend, "Mr. Fox paid.", "en") == ["Mr", "Fox", "paid"]
    assert written(frontend, "Il a 1 234,56 € et des chats, 5 €. 7 ou 8.", "fr") == [
        *("Il", "a", "1 234,56 €", "et", "des", "chats", "5 €", "7", "ou", "8"),
    ]


def test_markup_code_and_addresses_do_not_shift_the_words(frontend: TextFrontend) -> None:
    text = "See **the** [docs](https://a.example.com/x,y) now.\n```\nx = 1\ny = 2\n```\nIt ended."
    words = written(frontend, text, "en")
    assert words == ["See", "the", "docs", "now", "It", "ended"]


def test_words_behind_a_long_block_of_code_are_found_again(frontend: TextFrontend) -> None:
    code = "\n".join(f"the_{n} = it({n})" for n in range(80))
    text = f"Look at it.\n```\n{code}\n```\nAnd that was all of it."
    (_, _), (_, units) = read(frontend, text, "en")
    assert units[0].text_start == text.index("And that")


def test_a_word_that_is_said_twice_is_found_twice(frontend: TextFrontend) -> None:
    text = "No, no, no and no."
    starts = [unit.text_start for _, units in read(frontend, text, "en") for unit in units]
    assert starts == [0, 4, 8, 11, 15]


def test_traditional_characters_keep_their_own_spelling(frontend: TextFrontend) -> None:
    assert written(frontend, "天氣很好。", "zh") == ["天氣", "很好"]


def test_language_without_word_counts_is_shared_out_by_letters() -> None:
    segment = PhonemeSegment("xx", "abc defghi", tuple("abcdefghi"))
    units = text_units(
        Phonemes(tuple(range(9)), (segment,)), Locator("abc defghi").locate("abc defghi")
    )
    assert [(unit.first, unit.last) for unit in units] == [(0, 3), (3, 9)]


@pytest.mark.parametrize("text", ["a " * 20_000, "的" * 20_000, "no, " * 5_000])
def test_locating_takes_time_linear_in_the_text(text: str) -> None:
    locator = Locator(text)
    for start in range(0, len(text), 500):
        located = locator.locate(text[start : start + 500])
        assert all(token.span is not None for token in located)
