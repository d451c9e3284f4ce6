"""Whether a filled-in form works, found out by doing what it is for."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing

from plugin.gpt_sovits.errors import SettingError
from plugin.gpt_sovits.pool import Server
from plugin.gpt_sovits.settings import Settings
from plugin.gpt_sovits.speech import Patience, speech_input, stream_speech
from plugin.gpt_sovits.voices import VoiceEntry

_GREETINGS = {
    "zh": "你好。",
    "yue": "你好。",
    "en": "Hello.",
    "ja": "こんにちは。",
    "ko": "안녕하세요.",
    "fr": "Bonjour.",
    "de": "Guten Tag.",
    "es": "Buenos días.",
    "it": "Buongiorno.",
    "pt": "Bom dia.",
}


def check_settings(settings: Settings, server: Server) -> None:
    """Ask for the voices and the language, speak a word, and wait for its first sound.

    Raises:
        TtsError: what does not work, and what to do about it.
    """
    wanted = settings.manner.language
    _check_language(wanted, server.connection.list_languages())
    voice = _voice_to_try(server.voices.current(), settings.default_voice)
    language = wanted if wanted in _GREETINGS else voice.language
    greeting = _GREETINGS.get(language, _GREETINGS["en"])
    speech = speech_input(greeting, voice.voice_id, settings.manner)
    sound = stream_speech(server.connection, speech, Patience(settings.timeout_s))
    with closing(sound):
        next(sound)


def _check_language(language: str, known: Sequence[str]) -> None:
    if language not in ("", "auto", *known):
        raise SettingError(
            "language",
            f"The speech server does not read the language {language!r}. Let it be recognised in "
            f"each text, or choose one of: {', '.join(known)}.",
        )


def _voice_to_try(voices: Sequence[VoiceEntry], wanted: str) -> VoiceEntry:
    if not voices:
        raise SettingError(
            "default_voice",
            "The speech server has no voices yet. Create one on it first, then save again.",
        )
    if not wanted:
        return voices[0]
    for candidate in voices:
        if candidate.voice_id == wanted:
            return candidate
    known = ", ".join(candidate.voice_id for candidate in voices)
    raise SettingError(
        "default_voice",
        f"The speech server has no voice {wanted!r}. Leave the field empty or choose one of: "
        f"{known}.",
    )
