"""Listeners that go away, and a great many of them."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import grpc.aio
import numpy as np

from backend.config import STARTER_BUNDLE
from backend.inference import Inference
from engine.pipeline.bundle import Bundle, load_bundle
from engine.pipeline.scheduler import Scheduler, StreamEvent
from engine.types import SynthesisRequest
from tests.bench.report import Row
from tests.bench.server.figures import Curve, Found, percentile, shares
from tests.bench.server.listener import Client, Wish, reason
from tests.bench.server.load import SENTENCES
from tests.bench.server.process import Load, served

LONG = " ".join(SENTENCES * 4)
STORM, STORMS = 16, 6
SHORT = ("Yes.", "Not today.", "Good morning.", "It is late.", "Thank you very much.")
AT_A_TIME = 8
LISTENERS_A_SAMPLE = 50
FAILING, LEAVING = 0.05, 0.15  # shares of the requests of a soak
LARGEST_GROWTH_MB = 1.0  # for every 1,000 requests


async def cancel(load: Load) -> Found:
    """How long what a listener held is held after it went away."""
    found = Found()
    async with served(load, max_streams=STORM, max_queue=0) as server:
        storms = [await _storm(server.client) for _ in range(STORMS)]
    let_in_s = [wait_s for storm in storms for wait_s in storm]
    freed = await _freed(load)
    freed_s, steps = [s for s, _ in freed], [n for _, n in freed]
    for name, values in {"let in again": let_in_s, "slot free in the engine": freed_s}.items():
        found.curves[name] = shares(values)
        found.rows += [
            Row(f"{name}, p{p}", 1e3 * percentile(values, p), "ms") for p in (50, 95, 100)
        ]
    found.rows.append(Row("slot free in the engine, at most", max(steps), "steps"))
    return found


async def _storm(client: Client) -> list[float]:
    """Fill the server, leave all at once, and come again: how long until each is let in."""
    wish = Wish(LONG, "voices/slt", "en")
    calls = [client.ask(wish) for _ in range(STORM)]
    await asyncio.gather(*map(_until_audio, calls))
    began_s = time.perf_counter()
    for call in calls:
        call.cancel()
    again = await asyncio.gather(*(_let_in(client, wish) for _ in range(STORM)))
    for call, _ in again:
        call.cancel()
    await asyncio.sleep(0.5)
    return [at_s - began_s for _, at_s in again]


async def _until_audio(call: Any) -> None:
    async for message in call:
        if message.HasField("audio"):
            return


async def _let_in(client: Client, wish: Wish) -> tuple[Any, float]:
    """Ask until there is a place."""
    while True:
        call = client.ask(wish)
        try:
            await call.read()
        except grpc.aio.AioRpcError as error:
            if reason(error) != "OVERLOADED":
                raise
        else:
            return call, time.perf_counter()


class WatchedScheduler(Scheduler):
    """Notes the time and the step at which streams are cancelled."""

    def __init__(self, bundle: Bundle) -> None:
        super().__init__(bundle, STORM)
        self.steps = 0
        self.cancelled: list[tuple[float, int]] = []

    def step(self) -> list[StreamEvent]:
        """Count it."""
        self.steps += 1
        return super().step()

    def cancel(self, stream_id: int) -> None:
        """Note when."""
        super().cancel(stream_id)
        self.cancelled.append((time.perf_counter(), self.steps))


async def _freed(load: Load) -> list[tuple[float, int]]:
    """Seconds and steps from the end of a call to its free slot, with an engine in here."""
    bundle = await asyncio.to_thread(load_bundle, STARTER_BUNDLE, load.device, ())
    scheduler, freed = WatchedScheduler(bundle), []
    voice = bundle.builtin_voices["slt"].prompt
    async with _running(scheduler) as inference:
        for _ in range(STORMS):
            opened = [inference.open(SynthesisRequest(LONG, "en", voice)) for _ in range(8)]
            await asyncio.sleep(random.Random(len(freed)).uniform(0.5, 1.5))
            scheduler.cancelled.clear()
            began_s, began_step = time.perf_counter(), scheduler.steps
            for stream in opened:
                inference.close(stream)
            while len(scheduler.cancelled) < len(opened):
                await asyncio.sleep(0.001)
            freed += [(at_s - began_s, n - began_step) for at_s, n in scheduler.cancelled]
    return freed


@asynccontextmanager
async def _running(scheduler: Scheduler) -> AsyncIterator[Inference]:
    inference = Inference(scheduler, STORM, STORM)
    inference.start()
    try:
        yield inference
    finally:
        await inference.stop()


async def soak(load: Load) -> Found:
    """Very many short requests, of which some leave and some fail: what memory they leave."""
    found, source = Found(), random.Random(1)
    memory: Curve = []
    async with served(load) as server:
        for done in range(0, load.requests + load.requests // 4, LISTENERS_A_SAMPLE):
            memory.append((done, server.resident_mb()))
            places = asyncio.Semaphore(AT_A_TIME)
            await asyncio.gather(
                *(_visit(server.client, source, places) for _ in range(LISTENERS_A_SAMPLE))
            )
    warm = [(n, mb) for n, mb in memory if n >= load.requests // 4]
    growth_mb = 1000 * float(np.polyfit(*np.transpose(warm), 1)[0])
    found.rows += [
        Row("requests after warming up", warm[-1][0] - warm[0][0], ""),
        Row("memory before", warm[0][1], "MB"),
        Row("memory after", warm[-1][1], "MB"),
        Row(f"growth (limit {LARGEST_GROWTH_MB:g})", growth_mb, "MB per 1,000 requests"),
    ]
    found.curves["resident memory, MB"] = memory
    return found


async def _visit(client: Client, source: random.Random, places: asyncio.Semaphore) -> None:
    kind, text = source.random(), source.choice(SHORT)
    voice = "voices/nobody" if kind < FAILING else source.choice(("voices/slt", "voices/rms"))
    async with places:
        call = client.ask(Wish(text, voice, "en"))
        try:
            await (_until_audio(call) if kind < LEAVING else _to_the_end(call))
        except grpc.aio.AioRpcError as error:
            if reason(error) not in ("VOICE_NOT_FOUND", "SYNTHESIS_FAILED"):
                raise
        call.cancel()


async def _to_the_end(call: Any) -> None:
    async for _ in call:
        pass
