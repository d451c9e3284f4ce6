"""Every sound that espeak-ng makes of common words has phonemes, each chosen with a reason."""

from __future__ import annotations

import gzip
import importlib.util
import json
from importlib import resources
from itertools import batched
from pathlib import Path

import pytest

from engine.errors import UnmappedSoundError
from engine.text.mapped import espeak
from engine.text.mapped.languages import MAPPED_LANGUAGES
from engine.text.mapped.sounds import SoundMap, rows_for
from engine.text.symbols import PAUSE_MARKS, SymbolTable

WORDS, WORDS_AT_ONCE = 2000, 250


def common_words(language: str) -> list[str]:
    """The most frequent words of a language, of the lists in pyspellchecker's wheel."""
    spec = importlib.util.find_spec("spellchecker")
    assert spec is not None and spec.origin is not None
    path = Path(spec.origin).parent / "resources" / f"{language}.json.gz"
    counts: dict[str, int] = json.loads(gzip.decompress(path.read_bytes()))
    return sorted(counts, key=lambda word: counts[word], reverse=True)[:WORDS]


@pytest.mark.parametrize("language", MAPPED_LANGUAGES)
def test_every_sound_of_common_words_is_decided(language: str) -> None:
    table, sound_map = SymbolTable("v2"), SoundMap(language, strict=True)
    words = common_words(language)
    voice = MAPPED_LANGUAGES[language].espeak_voice
    lines = [
        line
        for some in batched(words, WORDS_AT_ONCE)
        for line in espeak.sounds_of_lines(some, voice)
    ]
    assert len(words) == WORDS and sum(map(len, lines)) > 3 * WORDS
    for sound in {sound for line in lines for sound in line}:
        assert all(phoneme in table for phoneme in sound_map.phonemes(sound)), sound


@pytest.mark.parametrize("version", ["v1", "v2"])
@pytest.mark.parametrize("language", MAPPED_LANGUAGES)
def test_every_row_leads_to_phonemes_of_the_table(language: str, version: str) -> None:
    table, sound_map = SymbolTable(version), SoundMap(language, strict=True)
    for symbol in rows_for(language):
        for stress in ("", "ˈ", "ˌ"):
            phonemes = sound_map.phonemes(stress + symbol)
            assert all(phoneme in table and phoneme not in PAUSE_MARKS for phoneme in phonemes)


def test_every_row_has_a_reason_and_stands_once() -> None:
    text = resources.files("engine.text.mapped").joinpath("sounds.tsv").read_text("utf-8")
    rows = [line.split("\t") for line in text.splitlines()]
    assert rows[0] == ["symbol", "languages", "phonemes", "reason"]
    assert all(len(row) == 4 and row[3] for row in rows)
    keys = [(row[0], language) for row in rows for language in row[1].split()]
    assert len(keys) == len(set(keys))


@pytest.mark.parametrize(
    ("language", "sound", "phonemes"),
    [
        ("fr", "ˈa", "AA1"),
        ("fr", "ˌu", "UW2"),
        ("fr", "ə-", "AH0"),
        ("fr", "ˈɑ̃", "AA1 NG"),
        ("fr", "ˈy", "v4"),
        ("fr", "y", "v5"),
        ("pt", "y", "IY0"),
        ("de", "ɜ", "AH0"),
        ("it", "ˈɛː", "EH1"),
        ("it", "tʃː", "T CH"),
        ("es", "pː", "P"),
        ("pt", "ˌɐ̃ʊ̃", "AW2 NG"),
        ("es", "eʊ̃", "EH0 W NG"),
        ("de", "sʲ", "S"),
        ("de", "??", ""),
    ],
)
def test_stress_length_and_language_are_heeded(language: str, sound: str, phonemes: str) -> None:
    assert " ".join(SoundMap(language, strict=True).phonemes(sound)) == phonemes


def test_a_sound_without_a_row_is_an_error_when_asked_for() -> None:
    with pytest.raises(UnmappedSoundError, match="'ǃa'"):
        SoundMap("fr", strict=True).phonemes("ˈǃa")


def test_a_sound_without_a_row_is_read_letter_by_letter() -> None:
    assert SoundMap("fr").phonemes("ˈǃay") == ("AA1", "v4")
    assert SoundMap("fr").phonemes("ǃ") == ()
