"""The judge of word times: which words of a synthesizer it trusts."""

from __future__ import annotations

import pytest

from engine.types import Phonemes, PhonemeSegment
from tests.evaluation.timing import true_times

PHONES = (("pau", 0.2), ("w", 0.3), ("iy", 0.4), ("g", 0.5), ("ow", 0.7), ("pau", 1.0))


def phonemes(*words: tuple[str, str]) -> Phonemes:
    """A sentence of words and their ARPAbet."""
    sounds = tuple(sound for _, spelled in words for sound in spelled.split())
    counts = tuple((word, len(spelled.split())) for word, spelled in words)
    segment = PhonemeSegment("en", " ".join(word for word, _ in words), sounds, words=counts)
    return Phonemes(tuple(range(len(sounds))), (segment,))


def test_words_begin_with_their_first_phone_and_end_with_their_last() -> None:
    read = phonemes(("we", "W IY1"), ("go", "G OW1"), (".", "."))
    times = [(word.text, word.start_s, word.end_s) for word in true_times(read, PHONES) if word]
    assert times == [("we", 0.2, 0.4), ("go", 0.4, 0.7)]


@pytest.mark.parametrize("other", ["G AH1", "D OW1"])
def test_word_that_is_pronounced_otherwise_is_not_counted(other: str) -> None:
    read = phonemes(("we", "W IY1"), ("go", other))
    assert [word is None for word in true_times(read, PHONES)] == [False, True]
