"""Korean is pronounced by rule and spelled in single letters."""

from __future__ import annotations

import sys

import pytest

from engine.text.korean.frontend import KoreanFrontend
from engine.text.symbols import SymbolTable


@pytest.fixture(scope="module")
def korean() -> KoreanFrontend:
    return KoreanFrontend(SymbolTable("v2"))


@pytest.mark.parametrize(
    ("text", "phonemes"),
    [
        ("한국말.", "ㅎ ㅏ ㄴ ㄱ ㅜ ㅇ ㅁ ㅏ ㄹ ."),
        ("학교에 가", "ㅎ ㅏ ㄱ ㄲ ㅣ ㅗ ㅇ ㅔ 空 ㄱ ㅏ ."),
        ("3개!", "ㅅ ㅔ ㄱ ㅐ !"),
        ("TV", "ㅌ ㅣ ㅂ ㅡ ㅇ ㅣ ."),
        ("네★?", "ㄴ ㅔ 停 ?"),
    ],
)
def test_letters_are_spoken(korean: KoreanFrontend, text: str, phonemes: str) -> None:
    assert " ".join(korean.read(text).phonemes) == phonemes


def test_number_beyond_counting_is_read_digit_by_digit(korean: KoreanFrontend) -> None:
    read = korean.read("12,345,678,901,234,567개").phonemes
    assert read == korean.read("일이삼사오육칠팔구영일이삼사오육칠개").phonemes


def test_reading_korean_needs_no_nltk_data(korean: KoreanFrontend) -> None:
    korean.read("안녕")
    assert "g2pk2.g2pk2" not in sys.modules
