"""One listener: asks for speech, notes when what arrives, and plays it."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import grpc
import grpc.aio
from google.rpc import error_details_pb2
from gptsovits.tts.v1 import audio_pb2, tts_pb2, tts_pb2_grpc
from grpc_status import rpc_status

PCM, MP3 = audio_pb2.AUDIO_ENCODING_PCM, audio_pb2.AUDIO_ENCODING_MP3
PREBUFFER_S = 0.2
MP3_BYTES_PER_S = 8000  # 64 kbit/s, at every rate of the bundles measured here
LATE_S = 0.001  # less is not heard


@dataclass(frozen=True, slots=True)
class Playback:
    """What a player with a prebuffer did: its pauses, and how long they were together."""

    underruns: int
    silent_s: float


@dataclass(slots=True)
class Heard:
    """What one request brought; times in seconds since it was due.

    Attributes:
        due_s: when it was to be sent, by `time.perf_counter`.
        pieces: when each piece came, and how many seconds of sound it had.
        first_audible_s: when the first sound came that is no silence (PCM only).
        reason: of its failure; empty if it came to its end.
    """

    due_s: float
    pieces: list[tuple[float, float]] = field(default_factory=list)
    opened_s: float = 0.0
    ended_s: float = 0.0
    first_audible_s: float | None = None
    reason: str = ""

    @property
    def first_audio_s(self) -> float:
        """When the first sound came."""
        return self.pieces[0][0]

    @property
    def audio_s(self) -> float:
        """How much sound came."""
        return sum(sound_s for _, sound_s in self.pieces)

    @property
    def whole(self) -> bool:
        """Whether all of it came."""
        return not self.reason

    def playback(self, prebuffer_s: float = PREBUFFER_S) -> Playback:
        """Play it: start with `prebuffer_s` of sound, or all; go on with whatever comes."""
        dry_s, buffered_s, underruns, silent_s = None, 0.0, 0, 0.0
        for at_s, sound_s in self.pieces:
            if dry_s is None:
                buffered_s += sound_s
                dry_s = at_s + buffered_s if buffered_s >= prebuffer_s else None
                continue
            if at_s > dry_s + LATE_S:
                underruns, silent_s = underruns + 1, silent_s + at_s - dry_s
            dry_s = max(dry_s, at_s) + sound_s
        return Playback(underruns, silent_s)

    def lead(self) -> list[tuple[float, float]]:
        """How far the sound is ahead of a player that began with the first piece: (time, s)."""
        came_s, points = 0.0, []
        for at_s, sound_s in self.pieces:
            played_s = at_s - self.first_audio_s
            points.append((at_s, came_s - played_s))
            came_s += sound_s
            points.append((at_s, came_s - played_s))
        return points


@dataclass(frozen=True, slots=True)
class Wish:
    """What to ask for: `voice` is a resource name."""

    text: str
    voice: str
    language: str
    encoding: int = PCM


class Client:
    """Asks one server for speech."""

    def __init__(self, channel: grpc.aio.Channel, key: str, rate_hz: int = 16000) -> None:
        self._stub = tts_pb2_grpc.TextToSpeechServiceStub(channel)
        self._metadata = (("authorization", f"Bearer {key}"),)
        self._rate_hz = rate_hz

    def ask(self, wish: Wish, timeout_s: float | None = None) -> Any:
        """Begin a stream."""
        form = audio_pb2.AudioFormat(encoding=wish.encoding, sample_rate_hz=self._rate_hz)
        speech = tts_pb2.SpeechInput(
            text=wish.text, voice=wish.voice, language=wish.language, audio_format=form
        )
        request = tts_pb2.SynthesizeStreamRequest(input=speech)
        return self._stub.SynthesizeStream(request, metadata=self._metadata, timeout=timeout_s)

    async def listen(self, wish: Wish, due_s: float, timeout_s: float | None = None) -> Heard:
        """Hear a request to its end, whatever that is."""
        heard = Heard(due_s)
        try:
            await self._note(self.ask(wish, timeout_s), wish, heard)
        except grpc.aio.AioRpcError as error:
            heard.reason = reason(error)
        heard.ended_s = time.perf_counter() - due_s
        return heard

    async def _note(self, messages: AsyncIterator[Any], wish: Wish, heard: Heard) -> None:
        bytes_per_s = MP3_BYTES_PER_S if wish.encoding == MP3 else 2 * self._rate_hz
        async for message in messages:
            now_s = time.perf_counter() - heard.due_s
            if message.HasField("opened"):
                heard.opened_s = now_s
            if message.HasField("audio"):
                data = message.audio.data
                heard.pieces.append((now_s, len(data) / bytes_per_s))
                if heard.first_audible_s is None and wish.encoding == PCM and _is_audible(data):
                    heard.first_audible_s = now_s


async def until_audio(call: Any) -> None:
    """Hear the first sound."""
    async for message in call:
        if message.HasField("audio"):
            return


def reason(error: grpc.aio.AioRpcError) -> str:
    """The published reason of a failed call, or its code."""
    status, info = rpc_status.from_call(error), error_details_pb2.ErrorInfo()
    for packed in status.details if status is not None else ():
        if packed.Unpack(info):
            return str(info.reason)
    return str(error.code().name)


def _is_audible(data: bytes) -> bool:
    """Whether any sample is above -45 dB of full scale."""
    return max(map(abs, memoryview(data).cast("h")), default=0) > 184
