"""What a user hands in for a new voice, and the checks that it must pass."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass

from backend.errors import ConsentRequiredError, InvalidFieldError
from engine.errors import UnsupportedLanguageError
from engine.types import Audio
from engine.voices.fitting import is_silent

VOICE_ID = re.compile(r"[a-z][a-z0-9-]{0,62}")
MAX_NAME_CHARACTERS = 200
MAX_PROSE_CHARACTERS = 2000
MIN_CONSENT_S = 1.0


@dataclass(frozen=True, slots=True)
class VoiceDescription:
    """What a new voice is: all of the submission but the recordings."""

    voice_id: str
    display_name: str
    description: str
    transcript: str
    language: str
    consent_speaker: str
    consent_text: str
    bundle: str = ""


@dataclass(frozen=True, slots=True)
class Submission:
    """A new voice with its recordings, as files of any common format."""

    voice: VoiceDescription
    reference: bytes
    consent: bytes


def check_description(voice: VoiceDescription, languages: Collection[str]) -> None:
    """Refuse a description that no recordings could make good.

    Raises:
        InvalidFieldError: the id, a name or the transcript is wrong.
        UnsupportedLanguageError: the engine does not read the language.
        ConsentRequiredError: no consent statement came with it.
    """
    if not VOICE_ID.fullmatch(voice.voice_id):
        raise InvalidFieldError(
            "config.voice_id", "1 to 63 of a-z, 0-9 and `-`, beginning with a letter"
        )
    _check_length("config.display_name", voice.display_name, MAX_NAME_CHARACTERS)
    _check_length("config.description", voice.description, MAX_PROSE_CHARACTERS)
    _check_length("config.transcript", voice.transcript, MAX_PROSE_CHARACTERS)
    if not voice.transcript.strip():
        raise InvalidFieldError("config.transcript", "the words of the recording are needed")
    if voice.language not in languages:
        raise UnsupportedLanguageError(voice.language, languages)
    if not voice.consent_speaker.strip() or not voice.consent_text.strip():
        raise ConsentRequiredError(
            "config.consent must name the speaker and give the words of the recorded consent"
        )
    _check_length("config.consent.speaker_name", voice.consent_speaker, MAX_NAME_CHARACTERS)
    _check_length("config.consent.text", voice.consent_text, MAX_PROSE_CHARACTERS)


def check_consent(audio: Audio) -> None:
    """Refuse a consent recording that cannot hold a spoken sentence.

    Raises:
        ConsentRequiredError: it is too short or silent.
    """
    if is_silent(audio):
        raise ConsentRequiredError("the recorded consent is silent: record the spoken sentence")
    if audio.duration_s < MIN_CONSENT_S:
        raise ConsentRequiredError(
            f"the recorded consent is {audio.duration_s:.2f} s long; no sentence fits in that"
        )


def _check_length(field: str, text: str, limit: int) -> None:
    if len(text) > limit:
        raise InvalidFieldError(field, f"{len(text)} characters; the limit is {limit}")
