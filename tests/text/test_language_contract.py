"""What every `LanguageFrontend` keeps, whatever its language."""

from __future__ import annotations

import pytest

from engine.text.cantonese.frontend import CantoneseFrontend
from engine.text.chinese.frontend import ChineseFrontend
from engine.text.english.frontend import EnglishFrontend
from engine.text.japanese.frontend import JapaneseFrontend
from engine.text.korean.frontend import KoreanFrontend
from engine.text.language import LanguageFrontend
from engine.text.mapped.frontend import MappedFrontend
from engine.text.symbols import PAUSE_MARKS, SymbolTable

TABLE = SymbolTable("v2")
READERS: dict[str, tuple[LanguageFrontend, str]] = {
    "en": (EnglishFrontend(TABLE), "It's 3 o'clock, isn't it?"),
    "zh": (ChineseFrontend(TABLE), "现在3点了，对吗？"),
    "ja": (JapaneseFrontend(TABLE), "いま、3時ですか？"),
    "ko": (KoreanFrontend(TABLE), "지금 3시죠, 그렇죠?"),
    "yue": (CantoneseFrontend(TABLE), "而家3點，係咪？"),
    "fr": (MappedFrontend(TABLE, "fr"), "Il est 3 heures, non ?"),
    "de": (MappedFrontend(TABLE, "de"), "Es ist 3 Uhr, oder?"),
    "es": (MappedFrontend(TABLE, "es"), "Son las 3, ¿no?"),
    "it": (MappedFrontend(TABLE, "it"), "Sono le 3, no?"),
    "pt": (MappedFrontend(TABLE, "pt"), "São 3 horas, não?"),
}
UNUSUAL = "\u200bÅ½ⅳ🎉\ufffd«ß»\u0301𠮷٣\t\x00[]{}~^…——%"


@pytest.fixture(params=sorted(READERS))
def language(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_segment_names_its_language(language: str) -> None:
    frontend, text = READERS[language]
    segment = frontend.read(text)
    assert segment.language == language
    assert segment.normalized_text


def test_phonemes_are_in_the_table(language: str) -> None:
    frontend, text = READERS[language]
    assert all(phoneme in TABLE for phoneme in frontend.read(text + UNUSUAL).phonemes)


def test_reading_twice_gives_the_same(language: str) -> None:
    frontend, text = READERS[language]
    assert frontend.read(text) == frontend.read(text)


def test_character_counts_fit_where_there_are_any(language: str) -> None:
    frontend, text = READERS[language]
    segment = frontend.read(text + UNUSUAL)
    if segment.word2ph is not None:
        assert len(segment.word2ph) == len(segment.normalized_text)
        assert sum(segment.word2ph) == len(segment.phonemes)


@pytest.mark.parametrize("text", ["", " ", "\n", ",", "🎉", UNUSUAL[:6]])
def test_text_without_words_is_no_failure(language: str, text: str) -> None:
    frontend, _ = READERS[language]
    assert all(phoneme in TABLE for phoneme in frontend.read(text).phonemes)


def test_question_mark_is_kept(language: str) -> None:
    frontend, text = READERS[language]
    assert frontend.read(text).phonemes[-1] == "?"
    assert set(PAUSE_MARKS).intersection(frontend.read(text).phonemes) == {",", "?"}
