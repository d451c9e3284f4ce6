"""`python -m tests.bench.cold FOLDER [--speak]`: what a process took to load a bundle and to speak.

Nothing but the standard library is imported before the clock runs.
"""

from __future__ import annotations

import json
import re
import sys
import time
from pathlib import Path

FLOW_STEPS = 4
TOKENS = 25  # one second
MEGABYTE = 1e6


def _load(folder: Path, *, speaks: bool) -> dict[str, float]:
    """What this process took for it."""
    began = time.perf_counter()
    import engine.pipeline.synthesizer  # noqa: F401
    from engine.pipeline.bundle import load_bundle

    imported = time.perf_counter()
    bundle = load_bundle(folder, "cpu")
    loaded = time.perf_counter()
    found = {
        "import_s": imported - began,
        "load_s": loaded - imported,
        "loaded_mb": _status_mb("VmRSS"),
        "own_mb": _status_mb("RssAnon"),
    }
    if speaks:
        from tests.bench.speaking import speak_a_second

        speak_a_second(bundle, TOKENS, FLOW_STEPS)
    return found | {"peak_mb": _status_mb("VmHWM")}


def _status_mb(name: str) -> float:
    """A line of what Linux says of this process's memory."""
    status = Path("/proc/self/status").read_text("utf-8")
    found = re.search(rf"^{name}:\s+(\d+) kB", status, re.MULTILINE)
    return int(found[1]) * 1024 / MEGABYTE if found else float("nan")


if __name__ == "__main__":
    print(json.dumps(_load(Path(sys.argv[1]), speaks="--speak" in sys.argv)))
