"""Listeners that go away: how soon their places are free."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from queue import SimpleQueue
from typing import Any

import grpc.aio

from backend.config import STARTER_BUNDLE
from backend.inference import Inference, SpeechStream
from engine.errors import SynthesisError
from engine.pipeline.bundle import Bundle, load_bundle
from engine.pipeline.scheduler import Scheduler, StreamEvent
from engine.types import SynthesisRequest
from tests.bench.report import Row
from tests.bench.server.figures import Found, percentile, shares
from tests.bench.server.listener import Client, Wish, reason, until_audio
from tests.bench.server.load import SENTENCES
from tests.bench.server.process import Load, served

LONG = " ".join(SENTENCES * 4)
CROWD = 16  # listeners at a time
STORMS = 5
CANCELS = 40
LONGEST_PAUSE_S = 0.1  # between two cancels, so that they come at any time of a step
PATIENCE_S = 30.0


async def cancel(load: Load) -> Found:
    """How long a place is held after its listener left."""
    found = Found()
    async with served(load, max_streams=CROWD, max_queue=0) as server:
        storms = [await _storm(server.client) for _ in range(STORMS)]
    _tell(found, "all leave, one is let in", [first_s for first_s, _ in storms])
    _tell(found, f"all leave, {CROWD} are let in", [last_s for _, last_s in storms])
    bundle = await asyncio.to_thread(load_bundle, STARTER_BUNDLE, load.device, ())
    request = SynthesisRequest(LONG, "en", bundle.builtin_voices["slt"].prompt)
    freed = await free(WatchedScheduler(bundle), request, CANCELS)
    _tell(found, f"one of {CROWD} leaves, slot free", [each.seconds for each in freed])
    begun = [each.steps for each in freed]
    found.rows += [
        Row(f"one of {CROWD} leaves, steps begun after that, p{p}", percentile(begun, p), "")
        for p in (50, 95, 100)
    ]
    return found


def _tell(found: Found, name: str, times_s: list[float]) -> None:
    found.curves[name] = shares(times_s)
    found.rows += [Row(f"{name}, p{p}", 1e3 * percentile(times_s, p), "ms") for p in (50, 95, 100)]


async def _storm(client: Client) -> tuple[float, float]:
    """Fill the server, leave all at once, and come again: when the first and the last is let in."""
    wish = Wish(LONG, "voices/slt", "en")
    calls = [client.ask(wish) for _ in range(CROWD)]
    await asyncio.gather(*map(until_audio, calls))
    began_s = time.perf_counter()
    for call in calls:
        call.cancel()
    again = [await _let_in(client, wish) for _ in range(CROWD)]
    for call, _ in again:
        call.cancel()
    await asyncio.sleep(0.5)
    return again[0][1] - began_s, again[-1][1] - began_s


async def _let_in(client: Client, wish: Wish) -> tuple[Any, float]:
    """Ask until there is a place."""
    given_up_s = time.perf_counter() + PATIENCE_S
    while True:
        call = client.ask(wish)
        try:
            await call.read()
        except grpc.aio.AioRpcError as error:
            if reason(error) != "OVERLOADED" or time.perf_counter() > given_up_s:
                raise
        else:
            return call, time.perf_counter()


@dataclass(frozen=True, slots=True)
class Freed:
    """When a slot was free: so long after the cancel, and after so many more steps had begun."""

    seconds: float
    steps: int


class WatchedScheduler(Scheduler):
    """Notes the time and the step at which streams are cancelled."""

    def __init__(self, bundle: Bundle) -> None:
        super().__init__(bundle, CROWD)
        self.steps = 0
        self.cancelled: SimpleQueue[tuple[float, int]] = SimpleQueue()

    def step(self) -> list[StreamEvent]:
        """Count it."""
        self.steps += 1
        return super().step()

    def cancel(self, stream_id: int) -> None:
        """Note when."""
        super().cancel(stream_id)
        self.cancelled.put((time.perf_counter(), self.steps))


async def free(scheduler: WatchedScheduler, request: SynthesisRequest, cancels: int) -> list[Freed]:
    """Let one listener after another leave a crowd that listens on; others come for them.

    Those who have heard all before it is their turn are not counted.
    """
    freed, source = [], random.Random(1)
    async with _running(scheduler) as inference:
        crowd = [await _Listener.begin(inference, request, seed) for seed in range(CROWD)]
        for number in range(cancels):
            await asyncio.sleep(source.uniform(0.0, LONGEST_PAUSE_S))
            freed += await _freed(scheduler, inference, crowd.pop(0))
            crowd.append(await _Listener.begin(inference, request, CROWD + number))
        for listener in crowd:
            listener.leave(inference)
    return freed


async def _freed(
    scheduler: WatchedScheduler, inference: Inference, leaving: _Listener
) -> list[Freed]:
    """One listener's leaving, or none if there was nothing left to hear."""
    began_s, began_step = time.perf_counter(), scheduler.steps
    inference.close(leaving.stream)
    async with asyncio.timeout(PATIENCE_S):
        while scheduler.cancelled.empty() and not leaving.hearing.done():
            await asyncio.sleep(0.002)
    leaving.leave(inference)
    if scheduler.cancelled.empty():
        return []
    at_s, step = scheduler.cancelled.get()
    return [Freed(at_s - began_s, step - began_step)]


@dataclass(frozen=True, slots=True)
class _Listener:
    stream: SpeechStream
    hearing: asyncio.Task[None]

    @classmethod
    async def begin(cls, inference: Inference, request: SynthesisRequest, seed: int) -> _Listener:
        """Listen; returns when the first sound is there."""
        options = replace(request.options, seed=seed)
        stream, heard = inference.open(replace(request, options=options)), asyncio.Event()
        hearing = asyncio.create_task(_hear(stream, heard))
        await heard.wait()
        return cls(stream, hearing)

    def leave(self, inference: Inference) -> None:
        """Hear no more."""
        self.hearing.cancel()
        inference.close(self.stream)


async def _hear(stream: SpeechStream, heard: asyncio.Event) -> None:
    with suppress(SynthesisError):
        async for _ in stream:
            heard.set()
    heard.set()


@asynccontextmanager
async def _running(scheduler: Scheduler) -> AsyncIterator[Inference]:
    inference = Inference(scheduler, CROWD, CROWD)
    inference.start()
    try:
        yield inference
    finally:
        await inference.stop()
