"""How long this machine itself stops a process that only sleeps: no stall of the plugin's."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise

PERIOD_S = 0.05
BEAT = f"""
import time
while True:
    print(time.monotonic(), flush=True)
    time.sleep({PERIOD_S})
"""


@contextmanager
def metronome() -> Iterator[list[float]]:
    """Beat in a process of its own; the list has how late the beats were when it has ended."""
    lateness_s: list[float] = []
    with subprocess.Popen([sys.executable, "-c", BEAT], stdout=subprocess.PIPE) as process:
        try:
            yield lateness_s
        finally:
            process.terminate()
            written, _ = process.communicate()
    whole = written.rpartition(b"\n")[0]  # the last beat may have been cut in two
    beats = [float(line) for line in whole.splitlines()]
    lateness_s += [after - before - PERIOD_S for before, after in pairwise(beats)]
