"""Voices and the languages that they speak."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from typing import TYPE_CHECKING

from google.protobuf.timestamp_pb2 import Timestamp
from gptsovits.tts.v1 import tts_pb2, voices_pb2

from backend.convert.fields import VOICE_PREFIX
from backend.errors import ConsentRequiredError
from backend.languages import display_name
from backend.voices.library import VoiceInfo
from backend.voices.submission import VoiceDescription

if TYPE_CHECKING:
    from engine.pipeline.bundle import Bundle


def to_voice_description(message: voices_pb2.CreateVoiceConfig) -> VoiceDescription:
    """Return what the new voice is to be; an empty id gets a made-up one.

    Raises:
        ConsentRequiredError: the message has no consent at all.
    """
    if not message.HasField("consent"):
        raise ConsentRequiredError("config.consent is missing")
    return VoiceDescription(
        voice_id=message.voice_id or f"voice-{uuid.uuid4().hex[:12]}",
        display_name=message.display_name,
        description=message.description,
        transcript=message.transcript,
        language=message.language.strip().lower(),
        consent_speaker=message.consent.speaker_name,
        consent_text=message.consent.text,
        bundle=message.bundle.strip(),
    )


def to_voice_message(
    voice: VoiceInfo, sample_rate_hz: int, languages: tuple[str, ...]
) -> voices_pb2.Voice:
    """Return the resource of a voice that a bundle of this rate and these languages speaks."""
    created = None
    if voice.created is not None:
        created = Timestamp()
        created.FromDatetime(voice.created)
    return voices_pb2.Voice(
        name=VOICE_PREFIX + voice.voice_id,
        display_name=voice.display_name,
        language=voice.language,
        description=voice.description,
        create_time=created,
        sample_rate_hz=sample_rate_hz,
        builtin=voice.builtin,
        bundle=voice.bundle,
        spoken_languages=languages,
    )


def to_languages(bundles: Iterable[Bundle]) -> list[tts_pb2.Language]:
    """Return every language that one of the bundles speaks, as the first of them reads it."""
    found: dict[str, tts_pb2.Language] = {}
    for bundle in bundles:
        for code in bundle.languages:
            message = tts_pb2.Language(
                code=code,
                display_name=display_name(code),
                mapped=code in bundle.mapped_languages,
                reader=bundle.readers.get(code, ""),
            )
            found.setdefault(code, message)
    return list(found.values())
