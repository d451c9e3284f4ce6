"""A real server on a free port with an engine of tones, and clients for it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import numpy as np
from google.protobuf.message import Message
from google.rpc import error_details_pb2
from gptsovits.tts.v1 import audio_pb2, tts_pb2, tts_pb2_grpc, voices_pb2, voices_pb2_grpc
from grpc_status import rpc_status

from backend.config import Settings
from backend.encoding.level import to_int16
from backend.encoding.wav import wav_header
from backend.engines import LoadedBundle
from backend.server import TtsServer
from tests.backend.tones import ToneBundle, ToneScheduler

MP3 = audio_pb2.AUDIO_ENCODING_MP3
WAV = audio_pb2.AUDIO_ENCODING_WAV
PCM = audio_pb2.AUDIO_ENCODING_PCM


@dataclass
class Harness:
    """A running server and stubs for it."""

    server: TtsServer
    scheduler: ToneScheduler
    channel: grpc.aio.Channel
    schedulers: Sequence[ToneScheduler] = ()

    @property
    def tts(self) -> tts_pb2_grpc.TextToSpeechServiceStub:
        """The speaking service."""
        return tts_pb2_grpc.TextToSpeechServiceStub(self.channel)

    @property
    def voices(self) -> voices_pb2_grpc.VoiceServiceStub:
        """The service of voices."""
        return voices_pb2_grpc.VoiceServiceStub(self.channel)

    async def hear(self, speech: tts_pb2.SpeechInput, **call: Any) -> Heard:
        """Return all that a stream brings."""
        heard = Heard([], [], [])
        request = tts_pb2.SynthesizeStreamRequest(input=speech)
        async for message in self.tts.SynthesizeStream(request, **call):
            match message.WhichOneof("payload"):
                case "opened":
                    heard.opened.append(message.opened)
                case "audio":
                    heard.chunks.append(message.audio)
                case "completed":
                    heard.completed.append(message.completed)
        return heard


@dataclass
class Heard:
    """The messages of a stream, by kind."""

    opened: list[tts_pb2.StreamOpened]
    chunks: list[audio_pb2.AudioChunk]
    completed: list[tts_pb2.SynthesisReport]

    @property
    def audio(self) -> bytes:
        """The joined bytes."""
        return b"".join(chunk.data for chunk in self.chunks)


@asynccontextmanager
async def running(
    data_dir: Path, bundles: Sequence[ToneBundle] = (ToneBundle(),), **settings: Any
) -> AsyncIterator[Harness]:
    """Run a server of some bundles on `data_dir`."""
    values = {"port": 0, "data_dir": data_dir, "drain_s": 0.2, **settings}
    max_streams = values.get("max_streams", 16)
    schedulers = [ToneScheduler(max_streams, bundle.languages) for bundle in bundles]
    server = TtsServer(Settings(**values))
    server.bind()
    try:
        await server.start(list(map(LoadedBundle, bundles, schedulers)))
        async with grpc.aio.insecure_channel(f"127.0.0.1:{server.port}") as channel:
            yield Harness(server, schedulers[0], channel, schedulers)
    finally:
        for scheduler in schedulers:
            scheduler.gate.set()
        await server.stop()


def speech(text: str = "Hello there, how are you?", **fields: Any) -> tts_pb2.SpeechInput:
    """Return an input that works, but for what `fields` change."""
    values = {"voice": "voices/alto", "language": "en", **fields}
    encoding, rate = values.pop("encoding", MP3), values.pop("rate", 0)
    form = audio_pb2.AudioFormat(encoding=encoding, sample_rate_hz=rate)
    return tts_pb2.SpeechInput(text=text, audio_format=form, **values)


def tone_wav(pitch_hz: int = 300, seconds: float = 4.0, rate_hz: int = 24000) -> bytes:
    """Return a WAV file of a tone."""
    time_s = np.arange(round(seconds * rate_hz)) / rate_hz
    samples = to_int16((0.5 * np.sin(2 * np.pi * pitch_hz * time_s)).astype(np.float32))
    return wav_header(rate_hz, 2 * len(samples)) + samples.tobytes()


def voice_config(voice_id: str = "tenor", **fields: Any) -> voices_pb2.CreateVoiceConfig:
    """Return a config that works, but for what `fields` change."""
    consent = voices_pb2.ConsentStatement(speaker_name="T. Enor", text="You may use my voice.")
    values = {
        "display_name": "Tenor",
        "transcript": "La la la, la la, la la la.",
        "language": "en",
        "consent": consent,
        **fields,
    }
    return voices_pb2.CreateVoiceConfig(voice_id=voice_id, **values)


def upload(
    config: voices_pb2.CreateVoiceConfig, reference: bytes, consent: bytes, piece: int = 50_000
) -> Iterator[voices_pb2.CreateVoiceRequest]:
    """Yield the messages of an upload."""
    yield voices_pb2.CreateVoiceRequest(config=config)
    for start in range(0, len(reference), piece):
        part = reference[start : start + piece]
        yield voices_pb2.CreateVoiceRequest(reference_data=part)
    for start in range(0, len(consent), piece):
        yield voices_pb2.CreateVoiceRequest(consent_data=consent[start : start + piece])


def detail[T: Message](error: grpc.aio.AioRpcError, kind: type[T]) -> T:
    """Return the detail of this kind that a failed call carries."""
    status = rpc_status.from_call(error)
    assert status is not None, f"no details: {error!r} {error.trailing_metadata()}"
    assert status.code == error.code().value[0]
    assert status.message == error.details()
    for packed in status.details:
        found = kind()
        if packed.Unpack(found):
            return found
    raise AssertionError(f"no {kind.__name__} in {status}")


def reason(error: grpc.aio.AioRpcError) -> str:
    """Return the published reason of a failed call."""
    info = detail(error, error_details_pb2.ErrorInfo)
    assert info.domain == "tts.gptsovits"
    return info.reason


def violated_field(error: grpc.aio.AioRpcError) -> str:
    """Return the field that a failed call complains about."""
    return detail(error, error_details_pb2.BadRequest).field_violations[0].field


async def create_voice(
    server: Harness, voice_id: str = "tenor", pitch_hz: int = 300, **fields: Any
) -> voices_pb2.Voice:
    """Return a new voice of a server."""
    config = voice_config(voice_id, **fields)
    reply = await server.voices.CreateVoice(upload(config, tone_wav(pitch_hz), tone_wav()))
    return reply.voice
