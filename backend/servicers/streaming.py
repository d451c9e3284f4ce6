"""`StreamingSynthesize`: text that is still being written in, encoded speech out."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing
from dataclasses import replace
from types import MappingProxyType

from gptsovits.tts.v1 import audio_pb2, tts_pb2

from backend.convert.fields import to_duration
from backend.convert.reports import to_findings, to_opened, to_report, to_sentence_timestamps
from backend.convert.speech import Speech, at_own_rate, to_clause_rules, to_streamed_speech
from backend.dictation import Dictation, DictationRules
from backend.encoding import open_encoder
from backend.encoding.streams import StreamEncoder
from backend.engines import Engine, Engines
from backend.errors import InvalidFieldError
from backend.inference import SpeechStream
from backend.request import RequestRecord, current_request
from backend.segments import Answer, Ended, Event, Segment, Sound, Started
from backend.voices.library import VoiceLibrary
from engine.types import SpokenEnd, SynthesisRequest, VoicePrompt

Requests = AsyncIterator[tts_pb2.StreamingSynthesizeRequest]
Response = tts_pb2.StreamingSynthesizeResponse

FIELD_PATHS = MappingProxyType({"text": "text.text"})


class StreamingSpeech:
    """Serves one RPC after another by the engines of the voices' bundles."""

    def __init__(
        self, engines: Engines, voices: VoiceLibrary, max_characters: int, idle_s: float
    ) -> None:
        self._engines, self._voices = engines, voices
        self._max_characters, self._idle_s = max_characters, idle_s

    async def serve(
        self, requests: Requests, time_left_s: Callable[[], float | None]
    ) -> AsyncGenerator[Response]:
        """Yield `opened`, what happens to the segments, and `completed`.

        A segment that cannot be spoken in the time that is left then is refused.
        """
        record, messages = current_request(), aiter(requests)
        record.field_root, record.field_paths = "config", FIELD_PATHS
        config = await _first(messages)
        speech, engine = await self._read(config)
        widths, max_delay_s = to_clause_rules(config.commit)
        rules = DictationRules(widths, max_delay_s, self._idle_s, self._max_characters)
        seed = secrets.randbits(62) if speech.options.seed is None else speech.options.seed
        voice = await asyncio.to_thread(self._voices.prompt, speech.voice_id)
        dictation = Dictation(
            engine.inference,
            _opener(engine, record.caller, time_left_s),
            _request_maker(speech, voice, seed),
            rules,
        )
        encoder = open_encoder(speech.encoding, engine.bundle.sample_rate_hz, speech.sample_rate_hz)
        yield Response(opened=to_opened(record, speech))
        sender = _Sender(record, encoder)
        async with (
            dictation.running(_write(dictation, messages, record)) as events,
            aclosing(aiter(events)) as happenings,
        ):
            async for event in happenings:
                for response in await sender.responses(event):
                    yield response
        for response in await sender.last():
            yield response
        yield Response(completed=to_report(record, seed))

    async def _read(self, config: tts_pb2.StreamingConfig) -> tuple[Speech, Engine]:
        speech = to_streamed_speech(config)
        current_request().voice = speech.voice_id
        voice = await asyncio.to_thread(self._voices.get, speech.voice_id)
        engine = self._engines.named(voice.bundle)
        return at_own_rate(speech, engine.bundle.sample_rate_hz), engine


class _Sender:
    """Turns events into messages; the sound of all segments is one encoded stream."""

    def __init__(self, record: RequestRecord, encoder: StreamEncoder) -> None:
        self._record, self._encoder = record, encoder
        self._sequence = 0
        self._segment_start_s = 0.0

    async def responses(self, event: Event) -> list[Response]:
        """The messages of an event."""
        match event:
            case Started(segment):
                self._segment_start_s = self._record.audio_s
                return [Response(segment_started=self._started(segment))]
            case Sound():
                return await self._sound(event)
            case Ended(segment):
                return [Response(segment_completed=self._completed(segment))]
            case Answer(ping_id):
                return [Response(pong=tts_pb2.Pong(id=ping_id))]

    async def last(self) -> list[Response]:
        """What the encoder held back."""
        return self._audio(await asyncio.to_thread(self._encoder.finish))

    async def _sound(self, sound: Sound) -> list[Response]:
        chunk = sound.chunk
        responses = self._audio(await asyncio.to_thread(self._encoder.feed, chunk.samples))
        self._record.audio_s += len(chunk.samples) / chunk.sample_rate_hz
        if chunk.timing is not None:
            first = sound.segment.clause.start
            times = to_sentence_timestamps(chunk.timing, first, self._segment_start_s)
            responses.append(Response(timestamps=times))
        return responses

    def _audio(self, data: bytes) -> list[Response]:
        if not data:
            return []
        self._record.mark_audio()
        sequence, self._sequence = self._sequence, self._sequence + 1
        end_sample = self._encoder.samples_in
        audio = audio_pb2.AudioChunk(data=data, sequence=sequence, end_sample=end_sample)
        return [Response(audio=audio)]

    def _started(self, segment: Segment) -> tts_pb2.SegmentStarted:
        return tts_pb2.SegmentStarted(
            segment=segment.number,
            text_start=segment.clause.start,
            text_end=segment.clause.end,
            start_time=to_duration(self._record.audio_s),
        )

    def _completed(self, segment: Segment) -> tts_pb2.SegmentCompleted:
        findings = () if segment.stream is None else segment.stream.findings
        self._record.findings += findings
        return tts_pb2.SegmentCompleted(
            segment=segment.number,
            end_time=to_duration(self._record.audio_s),
            cancelled=segment.cancelled,
            findings=to_findings(findings),
        )


async def _first(messages: Requests) -> tts_pb2.StreamingConfig:
    """The config, which must come first."""
    message = await anext(messages, None)
    if message is None or not message.HasField("config"):
        raise InvalidFieldError("config", "the first message must carry it")
    return message.config


async def _write(dictation: Dictation, messages: Requests, record: RequestRecord) -> None:
    """Pass on what the caller writes, text no faster than it is spoken."""
    async for message in messages:
        match message.WhichOneof("payload"):
            case "text":
                await dictation.room()
                record.characters += len(message.text.text)
                dictation.write(message.text.text)
            case "flush":
                dictation.flush()
            case "cancel":
                number = message.cancel.segment if message.cancel.HasField("segment") else None
                dictation.cancel(number)
            case "ping":
                await dictation.ping(message.ping.id)
            case _:
                known = "text, flush, cancel or ping"
                raise InvalidFieldError("payload", f"after the first message it is {known}")
    dictation.close()


def _opener(
    engine: Engine, caller: str, time_left_s: Callable[[], float | None]
) -> Callable[[SynthesisRequest], SpeechStream]:
    def begin(request: SynthesisRequest) -> SpeechStream:
        return engine.inference.open(request, caller=caller, deadline_s=time_left_s())

    return begin


def _request_maker(
    speech: Speech, voice: VoicePrompt, seed: int
) -> Callable[[Segment, bool, SpokenEnd | None], SynthesisRequest]:
    """What makes the engine's request of a segment; each has a seed of its own."""

    def make(segment: Segment, goes_on: bool, after: SpokenEnd | None) -> SynthesisRequest:
        return SynthesisRequest(
            segment.clause.text,
            speech.language or voice.language,
            voice,
            replace(speech.options, seed=(seed + segment.number) % 2**63),
            timestamps=speech.timestamps,
            goes_on=goes_on,
            after=after,
            pronunciations=speech.pronunciations,
        )

    return make
