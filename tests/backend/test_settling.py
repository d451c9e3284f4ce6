"""What a request holds is given back, however it ends; with the engine's own scheduler."""

from __future__ import annotations

import asyncio
import gc
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from backend.inference import Inference, SpeechStream
from engine.errors import EmptyTextError, EngineError, SynthesisError, UnsupportedLanguageError
from engine.pipeline.bundle import Bundle
from engine.pipeline.scheduler import Scheduler, StreamEvent
from engine.pipeline.sentence import Sentence
from engine.pipeline.stream import Stream
from engine.pipeline.vits_stream import VitsStream
from engine.types import SynthesisOptions, SynthesisRequest
from tests.tiny_bundle import tiny_bundle, tiny_prompt

TEXT = "The rain came early, and the road was wet."
MUTE = "I say nothing."


class StepwiseScheduler(Scheduler):
    """Makes a step only when it is let; `present` are the live streams of each step."""

    def __init__(self, bundle: Bundle, max_streams: int) -> None:
        super().__init__(bundle, max_streams)
        self.allowed = threading.Semaphore(0)
        self.present: list[set[int]] = []
        self.waiting = threading.Event()

    def step(self) -> list[StreamEvent]:
        self.present.append(set(self._streams))
        self.waiting.set()
        self.allowed.acquire()
        return super().step()


class FailingScheduler(Scheduler):
    """Its steps fail for streams of the text that nobody can say."""

    def step(self) -> list[StreamEvent]:
        events: list[StreamEvent] = []
        for stream_id, stream in list(self._streams.items()):
            if stream.request.text == MUTE and stream.sentence is not None:
                self._fail(stream_id, SynthesisError("no speech came"), events)
        return events + super().step()


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    return tiny_bundle()


def request(text: str = TEXT, seed: int = 3, language: str = "en") -> SynthesisRequest:
    return SynthesisRequest(text, language, tiny_prompt(), SynthesisOptions(seed=seed))


@asynccontextmanager
async def running(scheduler: Scheduler, max_streams: int) -> AsyncIterator[Inference]:
    inference = Inference(scheduler, max_streams, 1000)
    inference.start()
    try:
        yield inference
    finally:
        if isinstance(scheduler, StepwiseScheduler):
            scheduler.allowed.release(10**6)
        await inference.stop()


async def heard(inference: Inference, stream: SpeechStream) -> int:
    """How many samples came."""
    try:
        return sum([len(chunk.samples) async for chunk in stream])
    finally:
        inference.close(stream)


async def failed(inference: Inference, stream: SpeechStream) -> EngineError:
    with pytest.raises(EngineError) as caught:
        await heard(inference, stream)
    return caught.value


def is_empty(inference: Inference, scheduler: Scheduler) -> bool:
    """Whether nothing is left of any request."""
    loop = inference._engine
    held = (loop._waiting, loop._at_work, loop._ids, loop._listeners, loop._paused)
    rows = (scheduler._streams, scheduler._rows.owners)
    return not any((inference.open_streams, *held, *rows))


async def settled(inference: Inference, scheduler: Scheduler) -> bool:
    """Whether nothing is left once the engine's thread has obeyed."""
    for _ in range(2000):
        if is_empty(inference, scheduler):
            return True
        await asyncio.sleep(0.005)
    return False


async def test_cancelled_stream_frees_its_slot_within_one_step(bundle: Bundle) -> None:
    scheduler = StepwiseScheduler(bundle, 1)
    async with running(scheduler, 1) as inference:
        first, second = (inference.open(request(seed=seed)) for seed in (1, 2))
        scheduler.allowed.release(5)
        while len(scheduler.present) < 6:
            await asyncio.sleep(0.001)
        inference.close(first)
        scheduler.allowed.release()
        while len(scheduler.present) < 7:
            await asyncio.sleep(0.001)
        assert scheduler.present[5:7] == [{1}, {2}]
        scheduler.allowed.release(10**6)
        assert await heard(inference, second)


async def test_storm_of_cancels_is_over_after_one_step(bundle: Bundle) -> None:
    scheduler = StepwiseScheduler(bundle, 8)
    async with running(scheduler, 8) as inference:
        streams = [inference.open(request(seed=seed)) for seed in range(24)]
        scheduler.allowed.release(20)
        while len(scheduler.present) < 21:
            await asyncio.sleep(0.001)
        assert len(scheduler.present[20]) == 8
        for stream in streams:
            inference.close(stream)
        scheduler.allowed.release()
        assert await settled(inference, scheduler)
        assert len(scheduler.present) == 21


async def test_nothing_is_left_of_many_cancelled_and_failed_streams(bundle: Bundle) -> None:
    scheduler = FailingScheduler(bundle, 6)
    async with running(scheduler, 6) as inference:
        assert await heard(inference, inference.open(request()))
        threads, older = threading.active_count(), {id(each) for each in parts_of_requests()}
        for round_ in range(8):
            streams = [inference.open(request(seed=n)) for n in range(8)]
            mute = [inference.open(request(MUTE)) for _ in range(4)]
            ends = [asyncio.create_task(failed(inference, stream)) for stream in mute]
            async for _ in streams[0]:
                break
            await asyncio.sleep(0.01 * round_)
            for stream in streams:
                inference.close(stream)
            assert {type(await end) for end in ends} == {SynthesisError}
        assert await settled(inference, scheduler)
        assert threading.active_count() == threads
        del streams, mute, ends, stream
        assert await forgotten(older)


async def forgotten(older: set[int]) -> bool:
    """Whether no part of a newer request is alive once the engine's thread rests."""
    for _ in range(400):
        if all(id(each) in older for each in parts_of_requests()):
            return True
        await asyncio.sleep(0.005)
    return False


def parts_of_requests() -> list[object]:
    """All that is alive of requests in this process."""
    gc.collect()
    kinds = (Stream, Sentence, VitsStream, SpeechStream)
    return [each for each in gc.get_objects() if type(each) in kinds]


async def test_denied_requests_take_no_slot_and_hold_up_nobody(bundle: Bundle) -> None:
    scheduler = Scheduler(bundle, 1)
    async with running(scheduler, 1) as inference:
        first = inference.open(request())
        denied = {
            inference.open(request("... !")): EmptyTextError,
            inference.open(request(language="xx")): UnsupportedLanguageError,
        }
        last = inference.open(request(seed=4))
        for stream, kind in denied.items():
            assert isinstance(await failed(inference, stream), kind)
        assert await heard(inference, first) and await heard(inference, last)
        assert await settled(inference, scheduler)


async def test_sentence_that_cannot_be_read_ends_its_stream_alone(bundle: Bundle) -> None:
    unreadable = replace(request("It rained. 今日[きょう]。"), language="auto")
    scheduler = Scheduler(bundle, 2)
    async with running(scheduler, 2) as inference:
        bad, good = inference.open(unreadable), inference.open(request())
        assert isinstance(await failed(inference, bad), UnsupportedLanguageError)
        assert await heard(inference, good)
        assert await settled(inference, scheduler)
