"""The judgements of a bundle, as plain numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from engine.errors import EngineError
from engine.pipeline.bundle import Bundle
from engine.types import Audio
from tests.evaluation.accidents import Accident, find_accident
from tests.evaluation.copying import copy_all
from tests.evaluation.originals import program_voices, speak_original
from tests.evaluation.recognizer import Recognizer, word_error_rate
from tests.evaluation.speakers import SpeakerClassifier, median_pitch_hz
from tests.evaluation.speaking import speak_all
from tests.evaluation.texts import random_sentences

LESSON_SENTENCES = 30
LESSON_SEED = 5


@dataclass(frozen=True, slots=True)
class VoiceJudgement:
    """How one voice did; rates and shares are 0 to 1 (a word error rate can be more).

    `copied_word_error_rate` is that of originals passed through the bundle's tokens: what is
    left to the acoustic half when the semantic half makes no mistake.
    """

    voice_id: str
    word_error_rate: float
    copied_word_error_rate: float
    original_word_error_rate: float
    heard_as_itself: float
    pitch_hz: float
    original_pitch_hz: float
    heard: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Judgement:
    """How a bundle did."""

    bundle: str
    voices: tuple[VoiceJudgement, ...]
    random_sentences: int
    accidents: tuple[Accident, ...]

    def faults(self, max_wer: float, min_share: float, max_accidents: int) -> list[str]:
        """Return what goes beyond the limits, in words."""
        found = [
            f"{voice.voice_id}: word error rate {voice.word_error_rate:.1%} > {max_wer:.0%}"
            for voice in self.voices
            if voice.word_error_rate > max_wer
        ]
        found += [
            f"{voice.voice_id}: heard as itself in {voice.heard_as_itself:.0%} < {min_share:.0%}"
            for voice in self.voices
            if voice.heard_as_itself < min_share
        ]
        if len(self.accidents) > max_accidents:
            found.append(f"{len(self.accidents)} accidents > {max_accidents}")
        return found


def judge_voices(
    bundle: Bundle, voices: Sequence[str], sentences: Sequence[str]
) -> tuple[VoiceJudgement, ...]:
    """Judge words and timbre of each voice on the same sentences."""
    recognizer, classifier = Recognizer(), _classifier()
    return tuple(_judge_voice(bundle, voice, sentences, recognizer, classifier) for voice in voices)


def judge_accidents(
    bundle: Bundle, voices: Sequence[str], texts: Sequence[str]
) -> tuple[Accident, ...]:
    """Return what went wrong when the voices spoke `texts`, each its share of them."""
    found: list[Accident] = []
    for place, voice in enumerate(voices):
        own = texts[place :: len(voices)]
        for text, speech in zip(own, speak_all(bundle, voice, own), strict=True):
            phonemes = len(bundle.phonemes(text, "en").phoneme_ids)
            accident = find_accident(text, phonemes, speech)
            if accident is not None:
                found.append(accident)
    return tuple(found)


def _judge_voice(
    bundle: Bundle,
    voice: str,
    sentences: Sequence[str],
    recognizer: Recognizer,
    classifier: SpeakerClassifier,
) -> VoiceJudgement:
    spoken = speak_all(bundle, voice, sentences)
    taught = [speak_original(program_voices()[voice], text) for text in sentences]
    audible = [speech for speech in spoken if isinstance(speech, Audio)]
    heard = _all_words(recognizer, spoken)
    copied = copy_all(bundle, voice, sentences, taught)
    return VoiceJudgement(
        voice_id=voice,
        word_error_rate=word_error_rate(sentences, heard),
        copied_word_error_rate=word_error_rate(sentences, _all_words(recognizer, copied)),
        original_word_error_rate=word_error_rate(sentences, _all_words(recognizer, taught)),
        heard_as_itself=classifier.share(voice, audible) * len(audible) / len(spoken),
        pitch_hz=float(np.median([median_pitch_hz(speech) for speech in audible])),
        original_pitch_hz=float(np.median([median_pitch_hz(speech) for speech in taught])),
        heard=tuple(heard),
    )


def _all_words(recognizer: Recognizer, speeches: Sequence[Audio | EngineError]) -> list[str]:
    """Return what is heard; speech that failed counts as if no word had been said."""
    return [
        recognizer.transcribe(speech) if isinstance(speech, Audio) else "" for speech in speeches
    ]


def _classifier() -> SpeakerClassifier:
    lessons = random_sentences(LESSON_SENTENCES, LESSON_SEED)
    return SpeakerClassifier(
        {
            voice: [speak_original(program, text) for text in lessons]
            for voice, program in program_voices().items()
        }
    )
