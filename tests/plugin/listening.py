"""Hear a text through the plugin's modules, without Dify."""

from __future__ import annotations

from plugin.gpt_sovits.connection import Connection
from plugin.gpt_sovits.settings import Expression, Manner
from plugin.gpt_sovits.speech import Patience, speech_input, stream_speech

PATIENCE = Patience(5.0)
MANNER = Manner(language="en", speed=1.5, expression=Expression.STEADY)


def hear(
    connection: Connection,
    text: str = "Hello.",
    voice: str = "amy",
    patience: Patience = PATIENCE,
) -> bytes:
    """Return all the sound of a text."""
    speech = speech_input(text, voice, MANNER)
    return b"".join(stream_speech(connection, speech, patience))
