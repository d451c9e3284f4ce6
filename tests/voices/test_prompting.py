"""References become prompts, or are refused with a reason."""

from __future__ import annotations

import numpy as np
import pytest

from engine.errors import EmptyTextError, ReferenceAudioError, UnsupportedLanguageError
from engine.pipeline.bundle import Bundle
from engine.types import Audio
from tests.tiny_bundle import tiny_bundle

WORDS = "It was a bright morning."


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    return tiny_bundle()


def hum(seconds: float, rate: int = 44100, level: float = 0.3) -> Audio:
    time = np.arange(int(seconds * rate)) / rate
    return Audio((level * np.sin(2 * np.pi * 140 * time)).astype(np.float32), rate)


def test_a_reference_gives_tokens_at_25_hz_with_the_silence_after_it(bundle: Bundle) -> None:
    prompt = bundle.create_prompt(hum(4.0), WORDS, "en")
    assert len(prompt.semantic_tokens) == pytest.approx((4.0 + 0.6) * 25, abs=1)


def test_a_reference_gives_a_spectrogram_at_50_hz(bundle: Bundle) -> None:
    (spectrogram,) = bundle.create_prompt(hum(4.0), WORDS, "en").reference_spectrograms
    assert spectrogram.shape == (352, 200)


@pytest.mark.parametrize("seconds", [2.9, 10.1])
def test_a_reference_outside_3_to_10_seconds_is_refused(bundle: Bundle, seconds: float) -> None:
    with pytest.raises(ReferenceAudioError, match="3 to 10 s"):
        bundle.create_prompt(hum(seconds), WORDS, "en")


def test_a_silent_reference_is_refused(bundle: Bundle) -> None:
    with pytest.raises(ReferenceAudioError, match="silent"):
        bundle.create_prompt(hum(4.0, level=0.001), WORDS, "en")


def test_a_transcript_without_words_is_refused(bundle: Bundle) -> None:
    with pytest.raises(EmptyTextError):
        bundle.create_prompt(hum(4.0), "?!", "en")


def test_a_transcript_in_an_unknown_language_is_refused(bundle: Bundle) -> None:
    with pytest.raises(UnsupportedLanguageError):
        bundle.create_prompt(hum(4.0), WORDS, "xx")
