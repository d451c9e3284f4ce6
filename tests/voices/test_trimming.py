"""Long recordings lose their silence, never their words."""

from __future__ import annotations

import numpy as np
import pytest

from engine.errors import ReferenceAudioError
from engine.types import Audio
from engine.voices.fitting import fit_reference
from engine.voices.trimming import best_window, without_edge_silence

RATE = 16000


def recording(*parts: float) -> Audio:
    """Sound of the lengths given, in seconds; negative ones are pauses."""
    rng = np.random.default_rng(0)
    pieces = [
        rng.normal(0, 0.2 if part > 0 else 0.001, round(abs(part) * RATE)).astype(np.float32)
        for part in parts
    ]
    return Audio(np.concatenate(pieces), RATE)


def test_silence_around_the_speech_goes_and_a_breath_of_it_stays() -> None:
    trimmed = without_edge_silence(recording(-2.0, 6.0, -3.0))
    assert trimmed.duration_s == pytest.approx(6.4, abs=0.05)


def test_pauses_between_words_stay() -> None:
    trimmed = without_edge_silence(recording(2.0, -1.0, 2.0))
    assert trimmed.duration_s == pytest.approx(5.0, abs=0.05)


def test_a_long_recording_fits_once_its_silence_is_gone() -> None:
    assert fit_reference(recording(-3.0, 6.0, -3.0)).duration_s == pytest.approx(6.4, abs=0.05)


def test_a_recording_that_fits_is_left_as_it_is() -> None:
    whole = recording(-2.0, 4.0, -2.0)
    assert fit_reference(whole) is whole


def test_too_many_words_are_refused_with_a_place_to_cut() -> None:
    with pytest.raises(ReferenceAudioError, match=r"pauses at 4\.\d s and 12\.\d s"):
        fit_reference(recording(4.0, -0.4, 8.0, -0.4, 4.0))


def test_words_without_a_pause_are_refused_without_one() -> None:
    with pytest.raises(ReferenceAudioError, match=r"give the words of just these$"):
        fit_reference(recording(14.0))


def test_an_empty_recording_is_silent() -> None:
    with pytest.raises(ReferenceAudioError, match="silent"):
        fit_reference(Audio(np.zeros(0, np.float32), RATE))


def test_the_window_with_the_most_speech_wins() -> None:
    audio = recording(3.5, -0.5, 2.0, -3.0, 2.0, -0.5, 6.0)
    window = best_window(audio, 3, 10)
    assert window is not None
    assert window == (pytest.approx(7.5, abs=1.6), pytest.approx(17.5, abs=0.1))


def test_a_bundle_may_want_shorter_references() -> None:
    whole = recording(6.0)
    assert fit_reference(whole, 6.5) is whole
    with pytest.raises(ReferenceAudioError, match=r"lasts 6.0 s; it must last 3 to 5.5 s"):
        fit_reference(whole, 5.5)
