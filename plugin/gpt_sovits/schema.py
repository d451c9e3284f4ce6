"""The model's description for Dify, with the voices that the server has now.

Dify's workflow tool builds its list of voices from here, and keeps it for an hour.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence

from dify_plugin.entities import I18nObject
from dify_plugin.entities.model import AIModelEntity, FetchFrom, ModelPropertyKey, ModelType

from plugin.gpt_sovits.errors import TtsError
from plugin.gpt_sovits.pool import ServerPool
from plugin.gpt_sovits.settings import Settings, SoundFormat, read_settings
from plugin.gpt_sovits.voices import VoiceEntry, ordered

# Dify itself does not obey these two.
WORD_LIMIT = 20_000
MAX_WORKERS = 8

log = logging.getLogger(__name__)


def model_schema(model: str, credentials: Mapping[str, object], pool: ServerPool) -> AIModelEntity:
    """Return the description of `model`; never fails, as Dify asks for it before each speech.

    While the server is away it holds the voices that were known last, and if there are none the
    default voice alone, for without a description the model would vanish from the workspace.
    """
    try:
        settings = read_settings(credentials)
    except TtsError as error:
        log.warning("the settings of %s are not valid: %s", model, error)
        return _entity(model, [], None)
    return _entity(model, _voices(model, settings, pool), settings)


def _voices(model: str, settings: Settings, pool: ServerPool) -> list[VoiceEntry]:
    default = settings.default_voice
    try:
        return ordered(pool.get(settings.endpoint).voices.recent(), None, default)
    except TtsError as error:
        log.warning("the voices of %s are not known: %s", model, error)
        return [VoiceEntry(default, default, "")] if default else []


def _entity(model: str, voices: Sequence[VoiceEntry], settings: Settings | None) -> AIModelEntity:
    default_voice = settings.default_voice if settings is not None else ""
    sound_format = settings.manner.sound_format if settings is not None else SoundFormat.MP3
    described = [
        {"mode": voice.voice_id, "name": voice.label, "language": voice.locales} for voice in voices
    ]
    return AIModelEntity(
        model=model,
        label=I18nObject(en_US=model),
        model_type=ModelType.TTS,
        fetch_from=FetchFrom.CUSTOMIZABLE_MODEL,
        model_properties={
            ModelPropertyKey.VOICES: described,
            ModelPropertyKey.DEFAULT_VOICE: default_voice or (voices[0].voice_id if voices else ""),
            ModelPropertyKey.AUDIO_TYPE: sound_format.value,
            ModelPropertyKey.WORD_LIMIT: WORD_LIMIT,
            ModelPropertyKey.MAX_WORKERS: MAX_WORKERS,
        },
        parameter_rules=[],
    )
