"""Node: speak a text into a file, with subtitles if wanted."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from dify_plugin import Tool
from dify_plugin.entities.tool import ToolInvokeMessage

from plugin.gpt_sovits.errors import RequestError
from plugin.gpt_sovits.fields import choice, text
from plugin.gpt_sovits.settings import voice_id
from plugin.gpt_sovits.speech import speech_input
from plugin.tools.outcome import messages
from plugin.tools.speaking import speak_text
from plugin.tools.subtitles import Subtitles
from plugin.tools.workplace import open_workplace, read_manner

LONGEST_TEXT_CHARACTERS = 5_000


class Speak(Tool):
    """Speaks a text into a file."""

    def _invoke(self, tool_parameters: dict[str, Any]) -> Generator[ToolInvokeMessage, None, None]:
        """Yield the sound, its subtitles, and what they are."""
        words = _words(tool_parameters)
        workplace = open_workplace(self.runtime.credentials)
        manner = read_manner(tool_parameters)
        subtitles = choice(tool_parameters, "subtitles", Subtitles.NONE)
        voice = workplace.voice(text(tool_parameters, "voice"), words, manner.language)
        speech = speech_input(words, voice, manner)
        spoken = speak_text(workplace.server.connection, speech, subtitles)
        yield from messages(self, spoken, f"speech.{manner.sound_format}", subtitles)
        yield self.create_variable_message("voice", voice_id(voice))
        yield self.create_variable_message("duration_s", round(spoken.duration_s, 3))


def _words(parameters: dict[str, Any]) -> str:
    words = text(parameters, "text")
    if len(words) > LONGEST_TEXT_CHARACTERS:
        raise RequestError(
            f"The text has {len(words):,} characters; this node speaks up to "
            f"{LONGEST_TEXT_CHARACTERS:,}. Use the node `Read a long text`."
        )
    return words
