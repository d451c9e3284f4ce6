"""A small gRPC server of the real contract, for tests of the plugin: it plays a given sound.

It has no engine. What it does beyond the usual is told to it through `Behaviour`.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import NoReturn

import grpc
from google.protobuf import any_pb2
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.rpc import code_pb2, error_details_pb2, status_pb2
from gptsovits.tts.v1 import audio_pb2, tts_pb2, tts_pb2_grpc, voices_pb2, voices_pb2_grpc
from grpc_status import rpc_status

from tests.plugin.sound import RATE_HZ, tone_mp3

NOT_FOUND = code_pb2.NOT_FOUND
FAILED_PRECONDITION = code_pb2.FAILED_PRECONDITION
API_KEY = "a-key-of-the-tests"
UNKNOWN_FIELD = b"\xfa\x07\x03new"  # number 127, of three bytes
CUE = "1\n00:00:00,250 --> 00:00:01,500\n{}\n"


@dataclass(slots=True)
class Behaviour:
    """How the server acts. `fail_next` statuses are used up one by one, before any sound.

    Its PCM is a second of samples that are the number of the text's characters, and `file_delay_s`
    a character is how long a file takes. A `newer` one sends fields and messages that readers of
    this version do not know.
    """

    voices: list[voices_pb2.Voice] = field(default_factory=list)
    languages: list[str] = field(default_factory=lambda: ["en", "ja", "zh"])
    page_size: int = 1000
    chunks: int = 8
    first_delay_s: float = 0.0
    chunk_gap_s: float = 0.0
    fail_next: list[status_pb2.Status] = field(default_factory=list)
    break_off_after: int | None = None
    break_off_with: status_pb2.Status = field(
        default_factory=lambda: status_pb2.Status(code=code_pb2.UNAVAILABLE, message="gone")
    )
    mute: bool = False
    list_delay_s: float = 0.0
    file_delay_s: float = 0.0
    silent: bool = False
    encoding: int = audio_pb2.AUDIO_ENCODING_MP3
    subtitles: bool = True
    newer: bool = False


@dataclass(slots=True)
class Upload:
    """A voice as it was sent."""

    config: voices_pb2.CreateVoiceConfig
    reference: bytes
    consent: bytes


def voice(identifier: str, language: str, *spoken: str) -> voices_pb2.Voice:
    """Return a voice that speaks `language`, and the `spoken` ones too."""
    return voices_pb2.Voice(
        name=f"voices/{identifier}",
        display_name=identifier.title(),
        language=language,
        spoken_languages=[language, *spoken],
    )


def status(code: int, message: str, reason: str, **metadata: str) -> status_pb2.Status:
    """Return a rich status as the server sends it."""
    info = any_pb2.Any()
    info.Pack(error_details_pb2.ErrorInfo(reason=reason, domain="tts.gptsovits", metadata=metadata))
    return status_pb2.Status(code=code, message=message, details=[info])


class SpeechServer(tts_pb2_grpc.TextToSpeechServiceServicer, voices_pb2_grpc.VoiceServiceServicer):
    """Both services on one port of this machine.

    `sound` is what it plays, `callers` are the connections that called, and `deadlines_s` is what
    each call gave the server.
    """

    def __init__(self, port: int = 0, tls: grpc.ServerCredentials | None = None) -> None:
        self.behaviour = Behaviour(voices=[voice("amy", "en", "ja"), voice("ken", "ja")])
        self.requests: list[tts_pb2.SpeechInput] = []
        self.uploads: list[Upload] = []
        self.voice_calls = 0
        self.callers: set[str] = set()
        self.deadlines_s: list[float | None] = []
        self.ended = threading.Event()
        self.sound = tone_mp3(2.0)
        self._server = grpc.server(
            ThreadPoolExecutor(max_workers=80), options=[("grpc.so_reuseport", 0)]
        )
        tts_pb2_grpc.add_TextToSpeechServiceServicer_to_server(self, self._server)
        voices_pb2_grpc.add_VoiceServiceServicer_to_server(self, self._server)
        where = f"127.0.0.1:{port}"
        if tls is None:
            self.port = self._server.add_insecure_port(where)
        else:
            self.port = self._server.add_secure_port(where, tls)
        self._server.start()

    @property
    def address(self) -> str:
        """Where it listens."""
        return f"127.0.0.1:{self.port}"

    def stop(self) -> None:
        """Stop at once and wait until the port is free."""
        self._server.stop(None).wait()

    def ListVoices(
        self, request: voices_pb2.ListVoicesRequest, context: grpc.ServicerContext
    ) -> voices_pb2.ListVoicesResponse:
        """List the voices, in pages."""
        self._authorize(context)
        self.voice_calls += 1
        time.sleep(self.behaviour.list_delay_s)
        start, size = int(request.page_token or 0), self.behaviour.page_size
        page = [self._of_our_version(each) for each in self.behaviour.voices[start : start + size]]
        following = str(start + size) if start + size < len(self.behaviour.voices) else ""
        return voices_pb2.ListVoicesResponse(voices=page, next_page_token=following)

    def ListLanguages(
        self, request: tts_pb2.ListLanguagesRequest, context: grpc.ServicerContext
    ) -> tts_pb2.ListLanguagesResponse:
        """List the languages."""
        self._authorize(context)
        languages = [tts_pb2.Language(code=code) for code in self.behaviour.languages]
        return tts_pb2.ListLanguagesResponse(languages=languages)

    def Synthesize(
        self, request: tts_pb2.SynthesizeRequest, context: grpc.ServicerContext
    ) -> tts_pb2.SynthesizeResponse:
        """Return the sound as a file, or a second of PCM; subtitles if they are asked for."""
        self._authorize(context)
        self.requests.append(request.input)
        self._refuse(request.input, context)
        wanted = request.input.audio_format.encoding
        pcm = len(request.input.text).to_bytes(2, "little") * RATE_HZ
        time.sleep(self.behaviour.file_delay_s * len(request.input.text))
        written = CUE.format(request.input.text.strip()) if request.subtitle_format else ""
        return tts_pb2.SynthesizeResponse(
            audio=pcm if wanted == audio_pb2.AUDIO_ENCODING_PCM else self.sound,
            audio_format=audio_pb2.AudioFormat(encoding=wanted, sample_rate_hz=RATE_HZ),
            report=tts_pb2.SynthesisReport(audio_duration=Duration(seconds=1)),
            subtitles=written if self.behaviour.subtitles else "",
        )

    def CreateVoice(
        self,
        request_iterator: Iterator[voices_pb2.CreateVoiceRequest],
        context: grpc.ServicerContext,
    ) -> voices_pb2.CreateVoiceResponse:
        """Keep what is uploaded in `uploads`, and list the voice."""
        self._authorize(context)
        config = next(request_iterator).config
        upload = Upload(config, b"", b"")
        for message in request_iterator:
            upload.reference += message.reference_data
            upload.consent += message.consent_data
        if not upload.consent:
            words = "no consent was sent"
            _abort(context, status(FAILED_PRECONDITION, words, "CONSENT_REQUIRED"))
        self.uploads.append(upload)
        created = voice(config.voice_id or "made-up", config.language)
        self.behaviour.voices.append(created)
        return voices_pb2.CreateVoiceResponse(voice=created)

    def SynthesizeStream(
        self, request: tts_pb2.SynthesizeStreamRequest, context: grpc.ServicerContext
    ) -> Iterator[tts_pb2.SynthesizeStreamResponse]:
        """Play the sound, or fail as told."""
        self._authorize(context)
        self.requests.append(request.input)
        context.add_callback(self.ended.set)
        self._refuse(request.input, context)
        opened = tts_pb2.StreamOpened(
            request_id="r", audio_format=audio_pb2.AudioFormat(encoding=self.behaviour.encoding)
        )
        yield tts_pb2.SynthesizeStreamResponse(opened=self._of_our_version(opened))
        if self.behaviour.newer:
            yield tts_pb2.SynthesizeStreamResponse.FromString(UNKNOWN_FIELD)
        while self.behaviour.mute and context.is_active():
            time.sleep(0.02)
        yield from self._play(context)
        yield tts_pb2.SynthesizeStreamResponse(completed=tts_pb2.SynthesisReport())

    def _play(self, context: grpc.ServicerContext) -> Iterator[tts_pb2.SynthesizeStreamResponse]:
        time.sleep(self.behaviour.first_delay_s)
        if self.behaviour.silent:
            return
        size = -(-len(self.sound) // self.behaviour.chunks)
        for number, start in enumerate(range(0, len(self.sound), size)):
            if number == self.behaviour.break_off_after:
                _abort(context, self.behaviour.break_off_with)
            chunk = audio_pb2.AudioChunk(data=self.sound[start : start + size], sequence=number)
            yield tts_pb2.SynthesizeStreamResponse(audio=chunk)
            time.sleep(self.behaviour.chunk_gap_s)

    def _of_our_version[M: Message](self, message: M) -> M:
        """Return `message`, with a field that its readers do not know if the server is `newer`."""
        if self.behaviour.newer:
            message.MergeFromString(UNKNOWN_FIELD)
        return message

    def _authorize(self, context: grpc.ServicerContext) -> None:
        self.callers.add(context.peer())
        self.deadlines_s.append(context.time_remaining())
        sent = dict(context.invocation_metadata()).get("authorization")
        if sent != f"Bearer {API_KEY}":
            _abort(context, status(code_pb2.UNAUTHENTICATED, f"not known: {sent}", "KEY_INVALID"))

    def _refuse(self, speech: tts_pb2.SpeechInput, context: grpc.ServicerContext) -> None:
        if self.behaviour.fail_next:
            _abort(context, self.behaviour.fail_next.pop(0))
        if not any(character.isalnum() for character in speech.text):
            _abort(context, status(code_pb2.INVALID_ARGUMENT, "nothing to say", "EMPTY_TEXT"))
        known = ", ".join(each.name for each in self.behaviour.voices)
        if speech.voice not in known.split(", "):
            words = f"no voice is named {speech.voice}"
            _abort(context, status(NOT_FOUND, words, "VOICE_NOT_FOUND", known_voices=known))


def _abort(context: grpc.ServicerContext, fault: status_pb2.Status) -> NoReturn:
    context.abort_with_status(rpc_status.to_status(fault))
    raise AssertionError("abort_with_status raises")
