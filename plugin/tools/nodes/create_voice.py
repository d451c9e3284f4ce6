"""Node: make a voice of an uploaded recording, with its speaker's recorded consent."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from dify_plugin import Tool
from dify_plugin.entities.tool import ToolInvokeMessage

from plugin.gpt_sovits.voices import entry
from plugin.tools.upload import messages, recording, voice_config
from plugin.tools.workplace import open_workplace

CREATION_DEADLINE_S = 300.0


class CreateVoice(Tool):
    """Makes a voice."""

    def _invoke(self, tool_parameters: dict[str, Any]) -> Generator[ToolInvokeMessage, None, None]:
        """Yield the id and the label of the new voice."""
        config = voice_config(tool_parameters)
        reference = recording(tool_parameters, "reference")
        consent = recording(tool_parameters, "consent")
        connection = open_workplace(self.runtime.credentials).server.connection
        upload = messages(config, reference, consent)
        voice = entry(connection.create_voice(upload, CREATION_DEADLINE_S))
        yield self.create_text_message(f"The voice {voice.voice_id} is ready: {voice.label}.")
        yield self.create_variable_message("voice", voice.voice_id)
        yield self.create_variable_message("label", voice.label)
