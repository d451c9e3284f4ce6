"""`TextToSpeechService`: text in, encoded speech out."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Any

import grpc.aio
from gptsovits.tts.v1 import audio_pb2, tts_pb2, tts_pb2_grpc

from backend.convert.reports import (
    to_audio_format,
    to_opened,
    to_report,
    to_sentence_timestamps,
)
from backend.convert.speech import Speech, at_own_rate, to_speech, to_subtitle_format
from backend.convert.voices import to_languages
from backend.encoding import Encoding, open_encoder, wav_file
from backend.engines import Engine, Engines
from backend.inference import SpeechStream
from backend.request import current_request
from backend.servicers.streaming import StreamingSpeech
from backend.voices.library import VoiceLibrary
from engine.text.subtitles import subtitles
from engine.types import SentenceTiming, SynthesisRequest, TimestampDetail

type Context = grpc.aio.ServicerContext[Any, Any]


@dataclass(frozen=True, slots=True)
class Piece:
    """Encoded bytes, and how many samples the encoder has been given by now.

    `timing` is that of a sentence that ends with this piece, if it was asked for.
    """

    data: bytes
    end_sample: int
    timing: SentenceTiming | None = None


class TextToSpeechServicer(tts_pb2_grpc.TextToSpeechServiceServicer):
    """Speaks with the voices of one library by the engines of their bundles."""

    def __init__(
        self, engines: Engines, voices: VoiceLibrary, max_characters: int, stream_idle_s: float
    ) -> None:
        self._streaming = StreamingSpeech(engines, voices, max_characters, stream_idle_s)
        self._engines = engines
        self._voices = voices
        self._max_characters = max_characters

    async def Synthesize(
        self, request: tts_pb2.SynthesizeRequest, context: Context
    ) -> tts_pb2.SynthesizeResponse:
        """Return the whole sound at once."""
        record = current_request()
        speech, engine = await self._read(request.input)
        form, wanted = to_subtitle_format(request.subtitle_format), speech.timestamps
        if form is not None and wanted is TimestampDetail.NONE:
            speech = replace(speech, timestamps=TimestampDetail.WORD)
        stream = await self._open(speech, engine, context, background=True)
        try:
            pieces = [piece async for piece in _encode(speech, engine, stream)]
        finally:
            record.findings = stream.findings
            engine.inference.close(stream)
        audio = b"".join(piece.data for piece in pieces)
        timings = [piece.timing for piece in pieces if piece.timing is not None]
        told = timings if wanted is not TimestampDetail.NONE else []
        return tts_pb2.SynthesizeResponse(
            audio=wav_file(audio) if speech.encoding is Encoding.WAV else audio,
            audio_format=to_audio_format(speech.encoding, speech.sample_rate_hz),
            report=to_report(record, stream.seed, stream.findings),
            timestamps=[to_sentence_timestamps(timing) for timing in told],
            subtitles="" if form is None else subtitles(timings, form),
        )

    async def SynthesizeStream(
        self, request: tts_pb2.SynthesizeStreamRequest, context: Context
    ) -> AsyncIterator[tts_pb2.SynthesizeStreamResponse]:
        """Yield `opened`, sound while it is made, and `completed`."""
        record = current_request()
        speech, engine = await self._read(request.input)
        stream = await self._open(speech, engine, context)
        try:
            yield tts_pb2.SynthesizeStreamResponse(opened=to_opened(record, speech))
            async with aclosing(_encode(speech, engine, stream)) as pieces:
                sequence = 0
                async for piece in pieces:
                    if piece.data:
                        yield _audio(piece, sequence)
                        sequence += 1
                    if piece.timing is not None:
                        timestamps = to_sentence_timestamps(piece.timing)
                        yield tts_pb2.SynthesizeStreamResponse(timestamps=timestamps)
            report = to_report(record, stream.seed, stream.findings)
            yield tts_pb2.SynthesizeStreamResponse(completed=report)
        finally:
            record.findings = stream.findings
            engine.inference.close(stream)

    async def StreamingSynthesize(
        self, request_iterator: AsyncIterator[tts_pb2.StreamingSynthesizeRequest], context: Context
    ) -> AsyncIterator[tts_pb2.StreamingSynthesizeResponse]:
        """Speak a text while it is written; see `StreamingSpeech`."""
        served = self._streaming.serve(request_iterator, context.time_remaining)
        async with aclosing(served) as responses:
            async for response in responses:
                yield response

    async def ListLanguages(
        self, request: tts_pb2.ListLanguagesRequest, context: Context
    ) -> tts_pb2.ListLanguagesResponse:
        """Return the languages of the bundles."""
        bundles = [engine.bundle for engine in self._engines.all]
        return tts_pb2.ListLanguagesResponse(languages=to_languages(bundles))

    async def _read(self, message: tts_pb2.SpeechInput) -> tuple[Speech, Engine]:
        """Return what is asked for and the engine of the voice's bundle."""
        record = current_request()
        record.field_root = "input"
        speech = to_speech(message, self._max_characters)
        record.voice, record.characters = speech.voice_id, len(speech.text)
        voice = await asyncio.to_thread(self._voices.get, speech.voice_id)
        engine = self._engines.named(voice.bundle)
        return at_own_rate(speech, engine.bundle.sample_rate_hz), engine

    async def _open(
        self, speech: Speech, engine: Engine, context: Context, *, background: bool = False
    ) -> SpeechStream:
        voice = await asyncio.to_thread(self._voices.prompt, speech.voice_id)
        request = SynthesisRequest(
            speech.text,
            speech.language or voice.language,
            voice,
            speech.options,
            timestamps=speech.timestamps,
            background=background,
            pronunciations=speech.pronunciations,
        )
        caller, deadline_s = current_request().caller, context.time_remaining()
        return engine.inference.open(request, caller=caller, deadline_s=deadline_s)


async def _encode(speech: Speech, engine: Engine, stream: SpeechStream) -> AsyncGenerator[Piece]:
    record = current_request()
    own_rate_hz = engine.bundle.sample_rate_hz
    encoder = open_encoder(speech.encoding, own_rate_hz, speech.sample_rate_hz)
    async for chunk in stream:
        record.audio_s += len(chunk.samples) / chunk.sample_rate_hz
        data = await asyncio.to_thread(encoder.feed, chunk.samples)
        if data:
            record.mark_audio()
        if data or chunk.timing is not None:
            yield Piece(data, encoder.samples_in, chunk.timing)
    data = await asyncio.to_thread(encoder.finish)
    if data:
        record.mark_audio()
        yield Piece(data, encoder.samples_in)


def _audio(piece: Piece, sequence: int) -> tts_pb2.SynthesizeStreamResponse:
    return tts_pb2.SynthesizeStreamResponse(
        audio=audio_pb2.AudioChunk(data=piece.data, sequence=sequence, end_sample=piece.end_sample)
    )
