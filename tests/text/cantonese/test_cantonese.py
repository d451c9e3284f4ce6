"""Cantonese syllables are an onset and a toned rime."""

from __future__ import annotations

import pytest

from engine.text.cantonese.frontend import CantoneseFrontend
from engine.text.symbols import SymbolTable


@pytest.fixture(scope="module")
def cantonese() -> CantoneseFrontend:
    return CantoneseFrontend(SymbolTable("v2"))


@pytest.mark.parametrize(
    ("text", "phonemes"),
    [
        ("你食咗飯", "Yn Yei5 Ys Yik6 Yz Yo2 Yf Yaan6"),
        ("唔", "Ym Ym4"),
        ("牙", "Yng Yaa4"),
        ("3個", "Ys Yaam1 Yg Yo3"),
        ("「好」！", "Yh You2 !"),
    ],
)
def test_syllables_are_two_phonemes(cantonese: CantoneseFrontend, text: str, phonemes: str) -> None:
    assert " ".join(cantonese.read(text).phonemes) == phonemes


def test_word2ph_covers_the_normalized_text(cantonese: CantoneseFrontend) -> None:
    segment = cantonese.read("廣東話，2024年。")
    assert segment.word2ph is not None
    assert len(segment.word2ph) == len(segment.normalized_text)
    assert sum(segment.word2ph) == len(segment.phonemes)
    assert all(phoneme in SymbolTable("v2") for phoneme in segment.phonemes)
