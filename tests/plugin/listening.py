"""Hear a text through the plugin's modules, without Dify."""

from __future__ import annotations

from plugin.gpt_sovits.connection import Connection
from plugin.gpt_sovits.settings import Endpoint, Settings
from plugin.gpt_sovits.speech import speech_input, stream_speech

SETTINGS = Settings(Endpoint("unused:1"), default_voice="amy", language="en", speed=1.5)


def hear(
    connection: Connection, text: str = "Hello.", voice: str = "amy", silence_limit_s: float = 5.0
) -> bytes:
    """Return all the sound of a text."""
    speech = speech_input(SETTINGS, text, voice)
    return b"".join(stream_speech(connection, speech, silence_limit_s))
