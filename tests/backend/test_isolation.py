"""No caller hears another's voice or text, through all of the service: told by marks in the sound.

The engine's half of this is held by `tests/pipeline/test_isolation.py`.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from types import MappingProxyType

import numpy as np
import pytest
from gptsovits.tts.v1 import audio_pb2, tts_pb2

from engine.types import SynthesisRequest
from tests.backend.harness import PCM, Harness, running, speech
from tests.backend.tones import CHUNK_SAMPLES, ToneBundle, ToneVoice, tone_prompt

pytestmark = pytest.mark.asyncio

VOICES, REQUESTS = 64, 256
LEAVING, SLOW = 0.1, 0.2  # shares of the callers
FULL_SCALE = 32767
Request = tts_pb2.StreamingSynthesizeRequest


class ManyVoices(ToneBundle):
    """Voices that are told apart by a number."""

    @property
    def builtin_voices(self) -> Mapping[str, ToneVoice]:
        """`v0` to `v63`."""
        numbered = {f"v{n}": tone_prompt(n) for n in range(VOICES)}
        return MappingProxyType({k: ToneVoice(k, k, "", "en", p) for k, p in numbered.items()})


def marks(request: SynthesisRequest, _: int) -> np.ndarray:
    """The number of the voice and that of the text, by turns, from 1."""
    pair = 1 + int(request.voice.semantic_tokens[0]), 1 + int(request.text.split()[0].strip("."))
    return np.tile(np.array(pair, np.float32) / FULL_SCALE, CHUNK_SAMPLES // 2)


class Caller:
    """Asks for its own number in its own voice, all at once or word by word."""

    def __init__(self, server: Harness, number: int) -> None:
        self._server, self._number = server, number
        self._source = random.Random(number)
        self.leaves = self._source.random() < LEAVING
        self._is_slow = self._source.random() < SLOW
        self.heard = b""

    async def listen(self) -> None:
        """Hear all of it, or leave in the middle."""
        call = self._along() if self._number % 4 == 0 else self._at_once()
        async for message in call:
            self.heard += message.audio.data
            if self.leaves and self.heard:
                call.cancel()
                return
            if self._is_slow:
                await asyncio.sleep(0.01)

    def _at_once(self):  # type: ignore[no-untyped-def]
        said = speech(self._text(), voice=self._voice, encoding=PCM)
        return self._server.tts.SynthesizeStream(tts_pb2.SynthesizeStreamRequest(input=said))

    def _along(self):  # type: ignore[no-untyped-def]
        return self._server.tts.StreamingSynthesize(self._written())

    async def _written(self) -> AsyncIterator[Request]:
        form = audio_pb2.AudioFormat(encoding=PCM)
        config = tts_pb2.StreamingConfig(voice=self._voice, language="en", audio_format=form)
        yield Request(config=config)
        for word in f"{self._text()} {self._text()}".split():
            yield Request(text=tts_pb2.TextDelta(text=f"{word} "))
            await asyncio.sleep(0)

    @property
    def _voice(self) -> str:
        return f"voices/v{self._number % VOICES}"

    def _text(self) -> str:
        return " ".join([str(self._number)] * self._source.randint(4, 20)) + "."


async def test_256_callers_in_64_voices_hear_themselves_and_nobody_else(tmp_path: Path) -> None:
    async with running(tmp_path, [ManyVoices()], max_streams=24, max_queue=REQUESTS) as server:
        server.scheduler.wave = marks
        callers = [Caller(server, number) for number in range(REQUESTS)]
        await asyncio.gather(*(caller.listen() for caller in callers))
    assert 0 < sum(caller.leaves for caller in callers) < REQUESTS / 4
    for number, caller in enumerate(callers):
        pairs = np.frombuffer(caller.heard, "<i2").reshape(-1, 2)
        assert len(pairs), f"caller {number} heard nothing"
        own = number % VOICES + 1, number + 1
        assert {tuple(map(int, pair)) for pair in np.unique(pairs, axis=0)} == {own}
