"""A server between the plugin and the real one, which notes when what passes it.

What the plugin adds to a wait cannot be told from two speeches, as no two take the server equally
long. Of one speech it can: the relay sees the request come and the sound leave.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Self

import grpc
import numpy as np
from gptsovits.tts.v1 import tts_pb2, tts_pb2_grpc

from tests.e2e.backend_process import API_KEY, BackendProcess
from tests.e2e.dify import Dify
from tests.plugin.sound import decode_mp3

AUDIBLE = 0.01  # of full scale
LONGEST_FRAME_S = 0.036


@dataclass(slots=True)
class Passage:
    """One speech: when the request came, and when and how many bytes of sound had left."""

    came_at: float
    left: list[tuple[float, int]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Addition:
    """What the plugin added to the wait for the first sound, and for the first audible one."""

    first_s: float
    audible_s: float


class Relay(tts_pb2_grpc.TextToSpeechServiceServicer):
    """Hands streams on to `backend`; `passages` holds one entry for each."""

    def __init__(self, backend: BackendProcess) -> None:
        self.passages: list[Passage] = []
        self._channel = grpc.insecure_channel(backend.address)
        self._stub = tts_pb2_grpc.TextToSpeechServiceStub(self._channel)
        self._server = grpc.server(ThreadPoolExecutor(max_workers=4))
        tts_pb2_grpc.add_TextToSpeechServiceServicer_to_server(self, self._server)
        self.address = f"127.0.0.1:{self._server.add_insecure_port('127.0.0.1:0')}"

    def __enter__(self) -> Self:
        self._server.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.stop(None).wait()
        self._channel.close()

    def SynthesizeStream(
        self, request: tts_pb2.SynthesizeStreamRequest, context: grpc.ServicerContext
    ) -> Iterator[tts_pb2.SynthesizeStreamResponse]:
        """Speak through the real server."""
        passage = Passage(time.monotonic())
        self.passages.append(passage)
        key = (("authorization", f"Bearer {API_KEY}"),)
        for message in self._stub.SynthesizeStream(request, metadata=key):
            if message.HasField("audio"):
                passage.left.append((time.monotonic(), len(message.audio.data)))
            yield message


def measure_additions(
    dify: Dify, backend: BackendProcess, voice: str, rounds: int
) -> list[Addition]:
    """Return what the plugin adds to a speech that warms up, and to each of `rounds` after it."""
    with Relay(backend) as relay:
        through = dify.with_credentials(server_address=relay.address)
        return [_measure(through, relay, voice) for _ in range(1 + rounds)]


def _measure(dify: Dify, relay: Relay, voice: str) -> Addition:
    asked_at = time.monotonic()
    speech = dify.speak("Good morning, how are you today?", voice)
    heard = list(zip(accumulate(speech.waits_s), speech.piece_bytes, strict=True))
    [*_, passage] = relay.passages
    sent = [(at - passage.came_at, size) for at, size in passage.left]
    way_there_s = passage.came_at - asked_at
    sent = [(after_s + way_there_s, size) for after_s, size in sent]
    audible = audible_byte(speech.sound)
    added_s = [_arrival_s(heard, byte) - _arrival_s(sent, byte) for byte in (1, audible)]
    return Addition(*(way_there_s + each for each in added_s))


def audible_byte(sound: bytes) -> int:
    """Return how many bytes of MP3 hold the first audible sample."""
    samples, rate_hz = decode_mp3(sound)
    loud = np.flatnonzero(np.abs(samples) > AUDIBLE)
    assert len(loud), "the sound is silent"
    heard_s = loud[0] / rate_hz + LONGEST_FRAME_S
    return min(len(sound), round(heard_s * rate_hz / len(samples) * len(sound)))


def _arrival_s(pieces: list[tuple[float, int]], byte: int) -> float:
    """Return when the first `byte` bytes were there."""
    arrived = accumulate(size for _, size in pieces)
    return next(at for (at, _), there in zip(pieces, arrived, strict=True) if there >= byte)
