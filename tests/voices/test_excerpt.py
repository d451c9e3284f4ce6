"""Cutting a long recording together with its words."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from engine.errors import ReferenceAudioError
from engine.types import Audio
from engine.voices.excerpt import find_excerpt, split_clauses
from engine.voices.fitting import fit_transcribed

RATE = 16000
SECONDS_PER_PHONEME = 0.08
# The letters of a clause stand for its phonemes.
CLAUSES = [
    "a" * 40 + ".",
    "b" * 25 + ",",
    "c" * 60 + ".",
    "d" * 33 + ".",
    "e" * 18 + ",",
    "f" * 70 + ".",
]


def letters(text: str) -> int:
    return sum(char.isalpha() for char in text)


def spoken(
    clauses: Sequence[str], *, jitter: float = 0.0, pause_s: float = 0.35, seed: int = 0
) -> Audio:
    """A recording of clauses: noise for speech, in bursts with short gaps as speech has."""
    rng = np.random.default_rng(seed)
    pieces = []
    for clause in clauses:
        length_s = letters(clause) * SECONDS_PER_PHONEME * (1 + jitter * rng.uniform(-1, 1))
        wave = rng.normal(0, 0.2, round(length_s * RATE))
        wave[:: RATE // 3] = 0
        pieces += [wave, rng.normal(0, 0.001, round(pause_s * RATE))]
    return Audio(np.concatenate(pieces).astype(np.float32), RATE)


def test_a_transcript_falls_into_clauses_at_marks() -> None:
    text = "It costs 3.50, he said. Dr. No left! 你好，再见。完"
    assert split_clauses(text) == [
        "It costs 3.50,",
        "he said.",
        "Dr.",
        "No left!",
        "你好，",
        "再见。",
        "完",
    ]


@pytest.mark.parametrize("seed", range(4))
def test_a_long_recording_is_cut_with_its_words(seed: int) -> None:
    audio = spoken(CLAUSES, jitter=0.1, seed=seed)
    fitted, words = fit_transcribed(audio, " ".join(CLAUSES), letters)
    assert 3.0 <= fitted.duration_s <= 10.0
    chosen = [clause for clause in CLAUSES if clause in words]
    assert " ".join(chosen) == words
    expected_s = sum(map(letters, chosen)) * SECONDS_PER_PHONEME
    assert fitted.duration_s == pytest.approx(expected_s + 0.35 * len(chosen), rel=0.12, abs=0.3)


def test_clauses_without_a_pause_between_them_stay_together() -> None:
    runs = ["a" * 40 + "b" * 25 + ".", "c" * 60 + ".", "d" * 51 + "."]
    clauses = ["a" * 40 + ",", "b" * 25 + ".", "c" * 60 + ".", "d" * 33 + ",", "d" * 18 + "."]
    excerpt = find_excerpt(spoken(runs), clauses, list(map(letters, clauses)), 3, 10)
    assert excerpt is not None
    assert excerpt.text in (" ".join(clauses[:3]), " ".join(clauses[2:]))


def test_words_that_do_not_fit_the_pauses_are_not_cut() -> None:
    even = spoken(["x" * 30] * 8)
    for words in (["y" * 105 + ",", "z" * 135 + "."], ["y" * 5 + ",", "z" * 7 + ".", "w" * 900]):
        with pytest.raises(ReferenceAudioError, match="could not be matched"):
            fit_transcribed(even, " ".join(words), letters)


def test_a_transcript_of_one_clause_cannot_be_cut() -> None:
    with pytest.raises(ReferenceAudioError, match="give the words of just these"):
        fit_transcribed(spoken(CLAUSES), "a" * 200, letters)


def test_what_fits_keeps_all_its_words() -> None:
    audio = spoken(["a" * 60])
    fitted, words = fit_transcribed(audio, "some words", letters)
    assert fitted is audio
    assert words == "some words"
