"""The process that serves."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
from pathlib import Path

from backend.config import Settings
from backend.engines import LoadedBundle
from backend.server import TtsServer, run_until_signal
from tests.backend.tones import ToneBundle, ToneScheduler


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
