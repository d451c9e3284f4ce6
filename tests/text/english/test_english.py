"""English is read as written, without a network and without NLTK data."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from engine.text.english.frontend import EnglishFrontend
from engine.text.english.normalizer import normalize
from engine.text.symbols import SymbolTable
from tests.source_tree import ROOT


@pytest.fixture(scope="module")
def english() -> EnglishFrontend:
    return EnglishFrontend(SymbolTable("v2"))


@pytest.mark.parametrize(
    ("written", "spoken"),
    [
        ("It costs $3.50.", "It costs three dollars and fifty cents."),
        ("£1 or £20", "one pound or twenty pounds"),
        ("at 14:05", "at two five p.m."),
        ("at 9:00", "at nine o'clock a.m."),
        ("in 1984", "in nineteen eighty-four"),
        ("in 1905", "in nineteen oh five"),
        ("in 2007", "in two thousand seven"),
        ("3001 and 1000000", "three thousand one and one million"),
        ("3/4 and 1/2 and 2/3", "three quarters and one half and two thirds"),
        ("the 22nd", "the twenty-second"),
        ("-5 degrees", "minus five degrees"),
        ("7 - 2 = 5", "seven minus two equals five"),
        ("5km and 1 kg", "five kilometers and one kilogram"),
        ("12,500 files", "twelve thousand, five hundred files"),
        ("version 2.0.11", "version two point zero point eleven"),
        ("0.25", "zero point two five"),
        ("café 50%", "cafe fifty percent"),
        ("the API of NASA", "the A P I of N A S A"),
        ("What?! Oh...", "What? Oh."),
        ("e.g. this, i.e. that", "for example this, that is that"),
    ],
)
def test_numbers_and_abbreviations_are_written_out(written: str, spoken: str) -> None:
    assert normalize(written) == spoken


@pytest.mark.parametrize(
    ("text", "phonemes"),
    [
        ("a cat", "AH0 K AE1 T"),
        ("cats' A", "K AE1 T S - EY1"),
        ("to record the record", "T UW1 R IH0 K AO1 R D DH AH0 R EH1 K ER0 D"),
        ("I will read it", "AY1 W IH1 L R IY1 D IH1 T"),
        ("I have read it", "AY1 HH AE1 V R EH1 D IH1 T"),
        ("the boss's desk", "DH AH0 B AO1 S IH0 Z D EH1 S K"),
        ("bluecheese", "B L UW1 CH IY1 Z"),
        ("a qwz", "AH0 K Y UW1 D AH1 B AH0 L Y UW0 Z IY1"),
    ],
)
def test_words_are_pronounced(english: EnglishFrontend, text: str, phonemes: str) -> None:
    assert " ".join(english.read(text).phonemes) == phonemes


def test_very_short_utterance_gets_a_leading_comma(english: EnglishFrontend) -> None:
    assert english.read("Hi").phonemes == (",", "HH", "AY1")


def test_every_phoneme_is_in_the_table(english: EnglishFrontend) -> None:
    segment = english.read("Zyxgrblt's 42 xylophones -- naïve, “quoted” & done; 100%!")
    assert all(phoneme in SymbolTable("v1") for phoneme in segment.phonemes)
    assert segment.word2ph is None


def test_a_number_of_any_length_is_read() -> None:
    assert normalize("9" * 5000).startswith("nine nine nine")


def test_english_is_read_without_any_data_of_nltk(tmp_path: Path) -> None:
    code = (
        "import socket, sys\n"
        "def refuse(*_, **__): raise AssertionError('the network was asked')\n"
        "socket.socket.connect = refuse\n"
        "from engine.text.frontend import TextFrontend\n"
        "phonemes = TextFrontend('v2').phonemes('I read a qwzzk record at 3 pm.', 'en')\n"
        "print(len(phonemes.phoneme_ids) > 12, 'nltk' in sys.modules)\n"
    )
    nowhere = str(tmp_path)
    environment = {**os.environ, "NLTK_DATA": nowhere, "HOME": nowhere}
    command = [sys.executable, "-c", code]
    done = subprocess.run(
        command, check=False, cwd=ROOT, env=environment, capture_output=True, text=True
    )
    assert (done.returncode, done.stdout.split()) == (0, ["True", "False"]), done.stderr


def test_a_word_of_any_length_is_read_to_its_end() -> None:
    frontend = EnglishFrontend(SymbolTable("v2"))
    once, often = (len(frontend.read("wordwithoutspaces" * count).phonemes) for count in (3, 12))
    assert often > 3 * once
