"""A server of tones as a process of its own, to be killed: `python -m tests.backend.serve_tones`.

Prints its port when it serves, and ends on SIGTERM as the real one does.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from backend.config import Settings
from backend.engines import LoadedBundle
from backend.server import TtsServer, run_until_signal
from tests.backend.tones import ToneBundle, ToneScheduler


async def serve(data_dir: Path) -> None:
    """Serve until a signal."""
    server = TtsServer(Settings(port=0, data_dir=data_dir, drain_s=1))
    server.bind()
    print(server.port, flush=True)
    await run_until_signal(server, [LoadedBundle(ToneBundle(), ToneScheduler())])


if __name__ == "__main__":
    asyncio.run(serve(Path(sys.argv[1])))
