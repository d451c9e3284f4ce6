"""What a node that speaks hands to Dify."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePath

from dify_plugin import Tool
from dify_plugin.entities.tool import ToolInvokeMessage

from plugin.gpt_sovits.settings import SoundFormat
from plugin.tools.speaking import SpokenFile
from plugin.tools.subtitles import Subtitles


def messages(
    tool: Tool, spoken: SpokenFile, filename: str, subtitles: Subtitles
) -> Iterator[ToolInvokeMessage]:
    """Yield the sound as the file `filename`, and its subtitles as another and as a variable."""
    name = PurePath(filename)
    sound_format = SoundFormat(name.suffix.removeprefix("."))
    sound = {"mime_type": sound_format.mime_type, "filename": filename}
    yield tool.create_blob_message(spoken.data, sound)
    if spoken.subtitles:
        written = {"mime_type": subtitles.mime_type, "filename": f"{name.stem}.{subtitles}"}
        yield tool.create_blob_message(spoken.subtitles.encode(), written)
    yield tool.create_variable_message("subtitles", spoken.subtitles)
