"""Japanese is read into phonemes with pitch marks."""

from __future__ import annotations

import pytest

from engine.text.japanese.frontend import JapaneseFrontend
from engine.text.japanese.prosody import phonemes_with_prosody
from engine.text.symbols import SymbolTable


@pytest.fixture(scope="module")
def japanese() -> JapaneseFrontend:
    return JapaneseFrontend(SymbolTable("v2"))


@pytest.mark.parametrize(
    ("text", "phonemes"),
    [
        ("雨", "a ] m e"),
        ("飴。", "a [ m e ."),
        ("猫が鳴く！！", "n e ] k o g a UNK n a [ k u ! !"),
        ("5％", "g o [ p a a s e ] N t o"),
        ("はい、 雨", "h a ] i , a ] m e"),
        ("「犬」", "UNK i [ n u UNK"),
    ],
)
def test_pitch_is_marked(japanese: JapaneseFrontend, text: str, phonemes: str) -> None:
    assert " ".join(japanese.read(text).phonemes) == phonemes


def test_v1_has_no_pitch_marks() -> None:
    assert JapaneseFrontend(SymbolTable("v1")).read("雨").phonemes == ("a", "UNK", "m", "e")


def test_an_utterance_without_labels_has_no_phonemes() -> None:
    assert phonemes_with_prosody([]) == []
