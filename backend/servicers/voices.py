"""`VoiceService`: lists, makes and deletes voices."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import grpc.aio
from gptsovits.tts.v1 import voices_pb2, voices_pb2_grpc

from backend.convert.fields import to_voice_id
from backend.convert.voices import to_voice_description, to_voice_message
from backend.engines import Engines
from backend.errors import (
    BackendError,
    ConsentRequiredError,
    InvalidFieldError,
    UploadTimeoutError,
    UploadTooLargeError,
)
from backend.request import current_request
from backend.servicers.pages import cut_page
from backend.voices.library import VoiceInfo, VoiceLibrary
from backend.voices.submission import Submission, VoiceDescription
from engine.errors import EngineError

if TYPE_CHECKING:
    from engine.pipeline.bundle import Bundle

type Context = grpc.aio.ServicerContext[Any, Any]

DISCARD_FACTOR = 4
MAX_UPLOAD_S = 300.0
FIELD_PATHS = MappingProxyType({"reference": "reference_data", "text": "config.transcript"})


class VoiceServicer(voices_pb2_grpc.VoiceServiceServicer):
    """Serves one library of voices."""

    def __init__(self, engines: Engines, voices: VoiceLibrary, max_upload_bytes: int) -> None:
        self._engines = engines
        self._voices = voices
        self._max_upload_bytes = max_upload_bytes
        self._making = asyncio.Lock()  # one at a time, or uploads would take every thread

    async def ListVoices(
        self, request: voices_pb2.ListVoicesRequest, context: Context
    ) -> voices_pb2.ListVoicesResponse:
        """Return one page of the voices, ordered by name."""
        voices = await asyncio.to_thread(self._voices.list)
        if language := request.language.lower():
            voices = [voice for voice in voices if language in self._bundle_of(voice).languages]
        page, token = cut_page(voices, request.page_size, request.page_token)
        return voices_pb2.ListVoicesResponse(
            voices=[self._message(voice) for voice in page], next_page_token=token
        )

    async def GetVoice(
        self, request: voices_pb2.GetVoiceRequest, context: Context
    ) -> voices_pb2.GetVoiceResponse:
        """Return one voice."""
        voice_id = to_voice_id(request.name, "name")
        voice = await asyncio.to_thread(self._voices.get, voice_id)
        return voices_pb2.GetVoiceResponse(voice=self._message(voice))

    async def CreateVoice(
        self, request_iterator: AsyncIterator[voices_pb2.CreateVoiceRequest], context: Context
    ) -> voices_pb2.CreateVoiceResponse:
        """Make a voice from an upload: first its config, then the bytes of two recordings."""
        record = current_request()
        record.field_root, record.field_paths = "config", FIELD_PATHS
        try:
            async with asyncio.timeout(MAX_UPLOAD_S):
                submission = await self._received(request_iterator)
        except TimeoutError as error:
            raise UploadTimeoutError(MAX_UPLOAD_S) from error
        async with self._making:
            voice = await asyncio.to_thread(self._voices.create, submission)
        return voices_pb2.CreateVoiceResponse(voice=self._message(voice))

    async def DeleteVoice(
        self, request: voices_pb2.DeleteVoiceRequest, context: Context
    ) -> voices_pb2.DeleteVoiceResponse:
        """Delete a voice and everything that was kept of it."""
        voice_id = to_voice_id(request.name, "name")
        await asyncio.to_thread(self._voices.delete, voice_id)
        return voices_pb2.DeleteVoiceResponse()

    async def _received(self, messages: AsyncIterator[voices_pb2.CreateVoiceRequest]) -> Submission:
        """Return what was sent; what follows a refusal is read and dropped."""
        try:
            return await self._receive(messages)
        except (BackendError, EngineError):
            await _discard(messages, DISCARD_FACTOR * self._max_upload_bytes)
            raise

    async def _receive(self, messages: AsyncIterator[voices_pb2.CreateVoiceRequest]) -> Submission:
        description = await self._read_config(messages)
        current_request().voice = description.voice_id
        upload = Upload(self._max_upload_bytes)
        async for message in messages:
            upload.take(message)
        return upload.finish(description)

    async def _read_config(
        self, messages: AsyncIterator[voices_pb2.CreateVoiceRequest]
    ) -> VoiceDescription:
        first = await anext(messages, None)
        if first is None or first.WhichOneof("payload") != "config":
            raise InvalidFieldError("config", "the first message of an upload must carry it")
        description = to_voice_description(first.config)
        await asyncio.to_thread(self._voices.check, description)
        return description

    def _message(self, voice: VoiceInfo) -> voices_pb2.Voice:
        bundle = self._bundle_of(voice)
        return to_voice_message(voice, bundle.sample_rate_hz, bundle.languages)

    def _bundle_of(self, voice: VoiceInfo) -> Bundle:
        return self._engines.named(voice.bundle).bundle


async def _discard(
    messages: AsyncIterator[voices_pb2.CreateVoiceRequest], limit_bytes: int
) -> None:
    """Read what is still being sent, up to a limit.

    A client of grpc.aio whose upload is refused while it writes sees its own failed write, and
    not why it was refused.
    """
    left = limit_bytes
    async for message in messages:
        left -= message.ByteSize()
        if left < 0:
            return


class Upload:
    """Gathers the bytes of two recordings, each up to a limit."""

    def __init__(self, limit_bytes: int) -> None:
        self._limit_bytes = limit_bytes
        self._reference = bytearray()
        self._consent = bytearray()

    def take(self, message: voices_pb2.CreateVoiceRequest) -> None:
        """Add the bytes of one message.

        Raises:
            UploadTooLargeError: a recording has grown beyond the limit.
            InvalidFieldError: the message carries no bytes of a recording.
        """
        match message.WhichOneof("payload"):
            case "reference_data":
                self._add(self._reference, message.reference_data, "reference recording")
            case "consent_data":
                self._add(self._consent, message.consent_data, "recorded consent")
            case _:
                raise InvalidFieldError("payload", "only bytes of recordings follow the config")

    def finish(self, description: VoiceDescription) -> Submission:
        """Return all that was sent.

        Raises:
            InvalidFieldError: no reference recording came.
            ConsentRequiredError: no recorded consent came.
        """
        if not self._reference:
            raise InvalidFieldError("reference_data", "no reference recording was sent")
        if not self._consent:
            raise ConsentRequiredError("consent_data: no recorded consent was sent")
        return Submission(description, bytes(self._reference), bytes(self._consent))

    def _add(self, recording: bytearray, data: bytes, what: str) -> None:
        if len(recording) + len(data) > self._limit_bytes:
            raise UploadTooLargeError(what, self._limit_bytes)
        recording += data
