"""A great many requests, and what memory they leave."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from types import MappingProxyType

import grpc.aio

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
REST_S = 1.0  # until the server gives back what it has freed: what is left is in use

Visit = Callable[[Served, random.Random], Awaitable[None]]


async def soak(load: Load) -> Found:
    """As many listeners of each kind: those who hear all, who leave, and who vanish."""
    found = Found()
    async with served(load, rest_s=REST_S) as server:
        for kind, visit in VISITS.items():
            found.curves[kind] = []
            print(f"soak: {load.requests} {kind}", flush=True)  # it takes a while
            half = load.requests // 2
            warm_mb = await _visited(server, visit, half, found.curves[kind])
            last_mb = await _visited(server, visit, half, found.curves[kind])
            growth_mb = 1000 * (last_mb - warm_mb) / half
            unit = "MB per 1,000 requests"
            found.rows += [
                Row(f"{kind}: highest", max(mb for _, mb in found.curves[kind]), "MB"),
                Row(f"{kind}: at rest after {half} requests", warm_mb, "MB"),
                Row(f"{kind}: at rest after {half} more", last_mb, "MB"),
                Row(f"{kind}: growth (limit {LARGEST_GROWTH_MB:g})", growth_mb, unit),
            ]
    return found


async def _visited(server: Served, visit: Visit, requests: int, memory: Curve) -> float:
    """The memory at rest after so many requests; `memory` gets what it is meanwhile."""
    first = memory[-1][0] if memory else 0
    source, places = random.Random(first), asyncio.Semaphore(AT_A_TIME)

    async def one() -> None:
        async with places:
            await visit(server, source)

    for done in range(0, requests, LISTENERS_A_SAMPLE):
        await asyncio.gather(*(one() for _ in range(min(LISTENERS_A_SAMPLE, requests - done))))
        memory.append((first + done + LISTENERS_A_SAMPLE, server.resident_mb()))
        print(f"soak: {memory[-1][0]} came, {memory[-1][1]:.0f} MB", flush=True)
    await asyncio.sleep(2 * REST_S)
    return server.resident_mb()


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
