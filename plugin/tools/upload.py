"""Recordings from Dify to the server: a new voice as the messages of its upload."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import httpx
from dify_plugin.file.file import File
from gptsovits.tts.v1 import voices_pb2

from plugin.gpt_sovits.errors import RequestError
from plugin.gpt_sovits.fields import text
from plugin.tools.workplace import read_language

PIECE_BYTES = 256 * 1024
LARGEST_RECORDING_BYTES = 16 * 1024 * 1024


def voice_config(parameters: Mapping[str, Any]) -> voices_pb2.CreateVoiceConfig:
    """Return what the new voice is.

    Raises:
        RequestError: no speaker or no statement of consent is named.
    """
    speaker, statement = (text(parameters, name) for name in ("speaker_name", "consent_text"))
    if not (speaker and statement):
        raise RequestError(
            "Name the speaker, and give the words in which the speaker agrees, as they are "
            "spoken in the consent recording."
        )
    return voices_pb2.CreateVoiceConfig(
        voice_id=text(parameters, "voice_id"),
        display_name=text(parameters, "display_name"),
        description=text(parameters, "description"),
        transcript=text(parameters, "transcript"),
        language=read_language(parameters, "recorded_language"),
        consent=voices_pb2.ConsentStatement(speaker_name=speaker, text=statement),
    )


def recording(parameters: Mapping[str, Any], name: str) -> bytes:
    """Return the bytes of the uploaded file `name`.

    Raises:
        RequestError: there is none, it is too large, or Dify does not hand it over.
    """
    uploaded = parameters.get(name)
    if isinstance(uploaded, list) and len(uploaded) == 1:  # a variable that lists files
        uploaded = uploaded[0]
    if not isinstance(uploaded, File):
        raise RequestError(
            f"The recording for `{name}` is missing. Upload an audio file, or choose a variable "
            "that is one."
        )
    _check_size(name, uploaded.size or 0)
    data = _fetched(uploaded, name)
    _check_size(name, len(data))
    return data


def _fetched(uploaded: File, name: str) -> bytes:
    try:
        return bytes(uploaded.blob)
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        # The address carries a signature that opens the file, so it stays out of the message.
        raise RequestError(
            f"Dify did not hand over `{name}` ({type(error).__name__}). Its administrator should "
            "see whether FILES_URL can be reached from the plugin's container."
        ) from None


def _check_size(name: str, size: int) -> None:
    if size > LARGEST_RECORDING_BYTES:
        raise RequestError(
            f"The recording for `{name}` is larger than {LARGEST_RECORDING_BYTES // 2**20} MiB. "
            "Cut it to one or two clear sentences."
        )


def messages(
    config: voices_pb2.CreateVoiceConfig, reference: bytes, consent: bytes
) -> Iterator[voices_pb2.CreateVoiceRequest]:
    """Yield the messages of an upload."""
    yield voices_pb2.CreateVoiceRequest(config=config)
    for piece in _pieces(reference):
        yield voices_pb2.CreateVoiceRequest(reference_data=piece)
    for piece in _pieces(consent):
        yield voices_pb2.CreateVoiceRequest(consent_data=piece)


def _pieces(data: bytes) -> Iterator[bytes]:
    for start in range(0, len(data), PIECE_BYTES):
        yield data[start : start + PIECE_BYTES]
