"""The checks of tokens and of loudness."""

from __future__ import annotations

import numpy as np
import pytest

from engine.errors import SynthesisError
from engine.pipeline.checks import SoundLevel, TokenChecks, longest_repetition
from engine.types import Flaw, SpeechChecks

CHECKS = SpeechChecks()
PHONEMES = tuple(range(20))


def first_flaw(tokens: list[int], phonemes: tuple[int, ...] = PHONEMES) -> tuple[Flaw | None, int]:
    """What is noticed first, and after how many tokens."""
    checks = TokenChecks(CHECKS, phonemes, max_tokens=500)
    for end in range(1, len(tokens) + 1):
        flaw = checks.newest(tokens[:end])
        if flaw is not None:
            return flaw, end
    return checks.whole(tokens), len(tokens)


@pytest.mark.parametrize("pattern", [[7], [7, 8], [1, 2, 3, 4, 5, 6, 7], list(range(12))])
def test_a_pattern_that_repeats_for_a_while_is_a_loop(pattern: list[int]) -> None:
    lead = [30, 31, 32, 33]
    flaw, after = first_flaw(lead + pattern * 60)
    assert flaw is Flaw.LOOP
    assert after <= len(lead) + CHECKS.loop_tokens + len(pattern) + 1


def test_a_long_sound_is_no_loop() -> None:
    assert first_flaw([*range(30), *[5] * 20, *range(30, 50)])[0] is None


def test_text_that_repeats_itself_may_sound_so() -> None:
    laughing = (3, 4) * 12
    assert first_flaw([1, 2, 3, 4] * 20, laughing)[0] is None
    assert first_flaw([1, 2, 3, 4] * 20)[0] is Flaw.LOOP


def test_the_longest_repetition_of_a_text_is_found() -> None:
    assert longest_repetition((1, 2, 3, 4)) == 0
    assert longest_repetition((9, 1, 2, 1, 2, 1, 2, 8)) == 6


def test_a_sentence_far_longer_than_its_phonemes_has_run_away() -> None:
    many = np.random.default_rng(0).integers(0, 1000, 400).tolist()
    assert first_flaw(many) == (Flaw.TOO_LONG, 8 * 20 + 40 + 1)


def test_the_models_own_limit_is_told_apart() -> None:
    checks = TokenChecks(CHECKS, PHONEMES, max_tokens=3)
    assert checks.limit == 3
    assert [checks.newest(list(range(n))) for n in (1, 2, 3, 4)][-1] is Flaw.NO_END


def test_fewer_tokens_than_phonemes_need_is_too_short() -> None:
    assert first_flaw(list(range(15)))[0] is Flaw.TOO_SHORT
    assert first_flaw(list(range(16)))[0] is None


def test_a_voice_that_speaks_slowly_cannot_say_a_short_text_in_no_time() -> None:
    checks = TokenChecks(CHECKS, PHONEMES[:13], max_tokens=500, pace=2.4)
    assert checks.whole(list(range(11))) is Flaw.TOO_SHORT  # more cannot be fewer in the model
    assert checks.whole(list(range(15))) is None
    assert checks.least == 15
    assert TokenChecks(CHECKS, PHONEMES[:13], max_tokens=500).whole(list(range(11))) is None


def test_pauses_in_a_reference_do_not_make_sentences_long() -> None:
    checks = TokenChecks(CHECKS, PHONEMES, max_tokens=500, pace=9.0)
    assert checks.whole(list(range(24))) is None
    assert TokenChecks(CHECKS, tuple(range(90)), max_tokens=500, pace=9.0).least == 25


def test_no_tokens_at_all_is_empty() -> None:
    assert first_flaw([])[0] is Flaw.EMPTY


def level_of(*pieces: list[float]) -> SoundLevel:
    level = SoundLevel()
    for piece in pieces:
        level.add(np.array(piece, np.float32))
    return level


def test_silence_clipping_and_speech_are_told_apart() -> None:
    assert level_of([0.0] * 100).flaw(CHECKS) is Flaw.SILENT
    assert level_of().flaw(CHECKS) is Flaw.SILENT
    assert level_of([0.5] * 90, [1.0] * 10).flaw(CHECKS) is Flaw.CLIPPED
    assert level_of([0.5] * 99, [1.0]).flaw(CHECKS) is None


@pytest.mark.parametrize("number", [np.nan, np.inf, -np.inf])
def test_samples_that_are_no_numbers_are_an_error(number: float) -> None:
    piece = np.full(100, 0.1, np.float32)
    piece[50] = number
    with pytest.raises(SynthesisError, match="no numbers"):
        SoundLevel().add(piece)
