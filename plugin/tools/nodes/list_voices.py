"""Node: list the server's voices, so that a workflow or an agent can choose one."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from dify_plugin import Tool
from dify_plugin.entities.tool import ToolInvokeMessage

from plugin.gpt_sovits.voices import VoiceEntry, entry
from plugin.tools.workplace import open_workplace, read_language


class ListVoices(Tool):
    """Lists the voices."""

    def _invoke(self, tool_parameters: dict[str, Any]) -> Generator[ToolInvokeMessage, None, None]:
        """Yield the voices that speak the wanted language, as text and as values."""
        wanted = read_language(tool_parameters, "language")
        # Not those that were known last: a workflow that goes on should go on with what there is.
        connection = open_workplace(self.runtime.credentials).server.connection
        voices = [
            voice
            for voice in map(entry, connection.list_voices())
            if not wanted or wanted in (voice.language, *voice.spoken_languages)
        ]
        lines = [f"{voice.voice_id}: {voice.label}" for voice in voices]
        yield self.create_text_message("\n".join(lines) or "No voice speaks this language.")
        yield self.create_variable_message("voices", [_described(voice) for voice in voices])


def _described(voice: VoiceEntry) -> dict[str, object]:
    return {
        "id": voice.voice_id,
        "label": voice.label,
        "language": voice.language,
        "spoken_languages": list(voice.spoken_languages),
    }
