"""How the threads of PyTorch wait."""

from __future__ import annotations

import os

TURNS = 4000  # some 100 microseconds


def rest_between_loops() -> None:
    """Let the threads of PyTorch sleep soon when they have no work; to be called before its import.

    Unasked, OpenMP lets them look for work for some milliseconds after every loop, in which they
    take the processor from compiled kernels and from a server's other threads. Asleep at once,
    they would be woken up for every loop of a small network, which takes as long as the loop. So
    they look for work about as long as a small operation between two loops takes. A policy that
    the environment already names stays.
    """
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ["OMP_WAIT_POLICY"] = "PASSIVE"
        os.environ.setdefault("GOMP_SPINCOUNT", str(TURNS))
