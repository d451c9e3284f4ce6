"""The judges themselves: they hear what is there."""

from __future__ import annotations

import numpy as np
import pytest

from engine.errors import SynthesisError
from engine.types import Audio
from tests.evaluation.accidents import find_accident
from tests.evaluation.judging import Judgement, VoiceJudgement
from tests.evaluation.recognizer import plain_words, word_error_rate
from tests.evaluation.speakers import SpeakerClassifier, median_pitch_hz
from tests.evaluation.texts import everyday_sentences, random_sentences

RATE_HZ = 16_000


def buzz(pitch_hz: float, seconds: float = 1.0, brightness: float = 0.7, seed: int = 0) -> Audio:
    """A harmonic tone with a slow tremolo, as a stand-in for a voice."""
    time = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    tone = sum(brightness**n * np.sin(2 * np.pi * pitch_hz * n * time) for n in range(1, 15))
    noise = np.random.default_rng(seed).normal(0, 0.02, len(time))
    loudness = 0.1 * (1 + 0.3 * np.sin(2 * np.pi * 4 * time + seed))
    return Audio((tone * loudness + noise).astype(np.float32), RATE_HZ)


def test_there_are_fifty_different_plain_sentences_of_at_most_twelve_words() -> None:
    sentences = everyday_sentences()
    assert len(set(sentences)) == 50
    assert all(5 <= len(sentence.split()) <= 12 for sentence in sentences)
    assert all(sentence.isascii() and not any(map(str.isdigit, sentence)) for sentence in sentences)


def test_random_sentences_are_the_same_for_the_same_seed_and_differ_otherwise() -> None:
    assert random_sentences(20, 3) == random_sentences(20, 3)
    assert random_sentences(20, 3) != random_sentences(20, 4)
    assert len(set(random_sentences(200, 7))) > 195


def test_words_are_compared_without_case_and_punctuation() -> None:
    assert plain_words("By eight o'clock, Please!") == "by eight o'clock please"
    assert word_error_rate(["We go home, now."], ["we go home now"]) == 0.0
    assert word_error_rate(["We go home now."], ["we home now"]) == pytest.approx(0.25)


def test_pitch_is_measured_within_three_percent() -> None:
    for pitch_hz in (90, 130, 215):
        assert median_pitch_hz(buzz(pitch_hz)) == pytest.approx(pitch_hz, rel=0.03)


def test_pitch_of_noise_is_refused() -> None:
    noise = np.random.default_rng(1).normal(0, 0.1, RATE_HZ).astype(np.float32)
    with pytest.raises(ValueError, match="no voiced frame"):
        median_pitch_hz(Audio(noise, RATE_HZ))


def test_speakers_are_told_apart() -> None:
    pitches = {"low": 95.0, "high": 190.0}
    lessons = {
        name: [buzz(hz * (1 + 0.01 * i), seed=i) for i in range(12)] for name, hz in pitches.items()
    }
    classifier = SpeakerClassifier(lessons)
    for name, hz in pitches.items():
        strangers = [buzz(hz * 1.03, seconds=1.4, seed=50 + i) for i in range(5)]
        assert classifier.share(name, strangers) == 1.0


@pytest.mark.parametrize(
    ("speech", "reason"),
    [
        (SynthesisError("did not end"), "did not end"),
        (buzz(120, seconds=0.3), "0.30 s for 20 phonemes"),
        (buzz(120, seconds=9.0), "9.00 s for 20 phonemes"),
        (Audio(np.full(2 * RATE_HZ, 1e-4, np.float32), RATE_HZ), "silent"),
        (Audio(np.full(2 * RATE_HZ, np.nan, np.float32), RATE_HZ), "not a number"),
        (Audio(np.sign(buzz(120, seconds=2.0).samples), RATE_HZ), "clipped"),
    ],
)
def test_accident_is_found(speech: Audio | SynthesisError, reason: str) -> None:
    accident = find_accident("a text", 20, speech)
    assert accident is not None
    assert reason in accident.reason


def test_long_pause_inside_speech_is_an_accident() -> None:
    half = buzz(120, seconds=0.8).samples
    speech = Audio(np.concatenate([half, np.zeros(RATE_HZ * 6 // 5, np.float32), half]), RATE_HZ)
    accident = find_accident("a text", 20, speech)
    assert accident is not None
    assert "pause" in accident.reason


def test_ordinary_speech_is_no_accident() -> None:
    assert find_accident("a text", 20, buzz(120, seconds=1.9)) is None


def test_judgement_names_each_limit_that_is_broken() -> None:
    bad = VoiceJudgement("rms", 0.4, 0.1, 0.02, 0.5, 100.0, 102.0, ())
    good = VoiceJudgement("slt", 0.05, 0.05, 0.05, 1.0, 170.0, 171.0, ())
    accident = find_accident("a text", 20, SynthesisError("did not end"))
    assert accident is not None
    verdict = Judgement("starter", (bad, good), 200, (accident,))
    faults = verdict.faults(max_wer=0.15, min_share=0.9, max_accidents=0)
    assert [fault.split(":")[0] for fault in faults] == ["rms", "rms", "1 accidents > 0"]
    assert Judgement("starter", (good,), 200, ()).faults(0.15, 0.9, 0) == []
