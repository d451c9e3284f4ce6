"""What the process does about its memory."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import threading
from pathlib import Path

import pytest

from backend import engine_thread
from backend.config import Settings
from backend.engines import LoadedBundle
from backend.inference import Inference
from backend.memory import give_back
from backend.server import TtsServer, run_until_signal
from engine.types import SynthesisRequest
from tests.backend.tones import ToneBundle, ToneScheduler, tone_prompt

BLOCKS, BLOCK_BYTES = 4000, 50_000


def resident_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


async def test_collecting_garbage_no_longer_looks_through_what_was_loaded(tmp_path: Path) -> None:
    server = TtsServer(Settings(port=0, data_dir=tmp_path))
    server.bind()
    loaded = [LoadedBundle(ToneBundle(), ToneScheduler())]
    known, kept = len(gc.get_objects()), gc.get_freeze_count()
    serving = asyncio.create_task(run_until_signal(server, loaded))
    try:
        async with asyncio.timeout(60):
            while gc.get_freeze_count() == kept:
                await asyncio.sleep(0.01)
        assert len(gc.get_objects()) < known / 10
    finally:
        os.kill(os.getpid(), signal.SIGTERM)
        await serving
        gc.unfreeze()


def test_freed_memory_between_blocks_in_use_goes_back_to_the_system() -> None:
    blocks = [bytes(BLOCK_BYTES) for _ in range(BLOCKS)]
    kept = blocks[::50]
    blocks.clear()
    before_mb = resident_mb()
    give_back()
    assert before_mb - resident_mb() > 0.8 * BLOCKS * BLOCK_BYTES / 2**20
    assert len(kept) == BLOCKS / 50


async def test_engine_without_work_gives_memory_back_once(monkeypatch: pytest.MonkeyPatch) -> None:
    rested = threading.Semaphore(0)
    monkeypatch.setattr(engine_thread, "give_back", rested.release)
    inference = Inference(ToneScheduler(), 1, 1, rest_s=0.05)
    inference.start()
    try:
        for _ in range(2):
            assert await asyncio.to_thread(rested.acquire, timeout=60)
            assert not await asyncio.to_thread(rested.acquire, timeout=0.2)
            stream = inference.open(SynthesisRequest("la la", "en", tone_prompt(440)))
            assert [chunk async for chunk in stream]
            inference.close(stream)
    finally:
        await inference.stop()
