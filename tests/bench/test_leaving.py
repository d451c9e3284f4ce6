"""How the benchmark measures listeners who leave."""

from __future__ import annotations

import asyncio

from engine.types import SynthesisOptions, SynthesisRequest
from tests.bench.server.leaving import WatchedScheduler, free
from tests.tiny_bundle import tiny_bundle, tiny_prompt

TEXT = "The rain came early, and the road was wet. "


def request(sentences: int) -> SynthesisRequest:
    return SynthesisRequest(sentences * TEXT, "en", tiny_prompt(), SynthesisOptions())


async def test_a_listener_who_leaves_frees_the_slot_before_the_next_step() -> None:
    scheduler = WatchedScheduler(tiny_bundle())
    async with asyncio.timeout(120):
        freed = await free(scheduler, request(100), cancels=5)
    assert len(freed) == 5
    assert {each.steps for each in freed} == {0}


async def test_a_listener_who_has_heard_all_is_not_waited_for() -> None:
    scheduler = WatchedScheduler(tiny_bundle())
    async with asyncio.timeout(120):
        freed = await free(scheduler, request(1), cancels=5)
    assert len(freed) < 5
