"""Node: read a long text into one file, in parts that are spoken side by side."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from dify_plugin import Tool
from dify_plugin.entities.tool import ToolInvokeMessage

from plugin.gpt_sovits.errors import NothingToSayError, RequestError
from plugin.gpt_sovits.fields import choice, text
from plugin.gpt_sovits.settings import voice_id
from plugin.tools.outcome import messages
from plugin.tools.parts import cut
from plugin.tools.speaking import speak_parts
from plugin.tools.subtitles import Subtitles
from plugin.tools.workplace import open_workplace, read_manner

# No file that Dify takes holds more, however fast it is spoken.
LONGEST_TEXT_CHARACTERS = 200_000


class ReadLongText(Tool):
    """Reads a long text into one file."""

    def _invoke(self, tool_parameters: dict[str, Any]) -> Generator[ToolInvokeMessage, None, None]:
        """Yield the sound, its subtitles, and what they are."""
        words = text(tool_parameters, "text")
        parts = _parts(words)
        workplace = open_workplace(self.runtime.credentials)
        manner = read_manner(tool_parameters)
        subtitles = choice(tool_parameters, "subtitles", Subtitles.NONE)
        voice = workplace.voice(text(tool_parameters, "voice"), words, manner.language)
        connection = workplace.server.connection
        spoken = speak_parts(connection, parts, voice, manner, subtitles=subtitles)
        yield from messages(self, spoken, f"reading.{manner.sound_format}", subtitles)
        yield self.create_variable_message("voice", voice_id(voice))
        yield self.create_variable_message("parts", len(parts))
        yield self.create_variable_message("duration_s", round(spoken.duration_s, 3))


def _parts(words: str) -> list[str]:
    if not words:
        raise NothingToSayError("The text has nothing that can be spoken. Send words.")
    if len(words) > LONGEST_TEXT_CHARACTERS:
        raise RequestError(
            f"The text has {len(words):,} characters; this node reads up to "
            f"{LONGEST_TEXT_CHARACTERS:,}. Send it in several."
        )
    return list(cut(words))
