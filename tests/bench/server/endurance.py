"""A great many requests, and what memory they leave."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from types import MappingProxyType

import grpc.aio
import numpy as np

from tests.bench.report import Row
from tests.bench.server.figures import Curve, Found
from tests.bench.server.leaving import LONG
from tests.bench.server.listener import Client, Wish, reason, until_audio
from tests.bench.server.process import Load, Served, served
from tests.bench.server.wire import Wire
from tests.e2e.backend_process import API_KEY

SHORT = ("Yes.", "Not today.", "Good morning.", "It is late.", "Thank you very much.")
VOICES = ("voices/slt", "voices/rms")
AT_A_TIME = 8
LISTENERS_A_SAMPLE = 25
FAILING = 0.05  # share of the requests that hear all
LARGEST_GROWTH_MB = 1.0  # for every 1,000 requests

Visit = Callable[[Served, random.Random], Awaitable[None]]


async def soak(load: Load) -> Found:
    """As many listeners of each kind: those who hear all, who leave, and who vanish."""
    found = Found()
    async with served(load) as server:
        for kind, visit in VISITS.items():
            memory = await _visited(server, visit, load.requests)
            found.curves[kind] = memory
            found.rows += [
                Row(f"{kind}: memory before", memory[0][1], "MB"),
                Row(f"{kind}: memory after {load.requests} requests", memory[-1][1], "MB"),
                Row(
                    f"{kind}: growth in the second half (limit {LARGEST_GROWTH_MB:g})",
                    growth_mb(memory),
                    "MB per 1,000 requests",
                ),
            ]
    return found


def growth_mb(memory: Curve) -> float:
    """By how much the memory grows in 1,000 requests, as the second half of the curve has it."""
    second = [(count, mb) for count, mb in memory if count >= memory[-1][0] / 2]
    return 1000 * float(np.polyfit(*np.transpose(second), 1)[0])


async def _visited(server: Served, visit: Visit, requests: int) -> Curve:
    """The memory after so many of the requests."""
    source, places = random.Random(1), asyncio.Semaphore(AT_A_TIME)
    memory: Curve = [(0, server.resident_mb())]

    async def one() -> None:
        async with places:
            await visit(server, source)

    for done in range(LISTENERS_A_SAMPLE, requests + 1, LISTENERS_A_SAMPLE):
        await asyncio.gather(*(one() for _ in range(LISTENERS_A_SAMPLE)))
        memory.append((done, server.resident_mb()))
    return memory


async def _hear_all(server: Served, source: random.Random) -> None:
    fails, text = source.random() < FAILING, source.choice(SHORT)
    voice = "voices/nobody" if fails else source.choice(VOICES)
    try:
        async for _ in server.client.ask(Wish(text, voice, "en")):
            pass
    except grpc.aio.AioRpcError as error:
        if reason(error) not in ("VOICE_NOT_FOUND", "SYNTHESIS_FAILED"):
            raise


async def _leave(server: Served, source: random.Random) -> None:
    call = server.client.ask(Wish(LONG, source.choice(VOICES), "en"))
    await until_audio(call)
    call.cancel()


async def _vanish(server: Served, source: random.Random) -> None:
    wish = Wish(LONG, source.choice(VOICES), "en")
    async with (
        Wire(server.process.address) as wire,
        grpc.aio.insecure_channel(wire.address, options=_OWN_CONNECTION) as channel,
    ):
        await until_audio(Client(channel, API_KEY).ask(wish))
        wire.cut()


_OWN_CONNECTION = (("grpc.use_local_subchannel_pool", 1),)

VISITS = MappingProxyType({"who hear all": _hear_all, "who leave": _leave, "who vanish": _vanish})
