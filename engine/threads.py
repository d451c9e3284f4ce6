"""How the threads of PyTorch wait."""

from __future__ import annotations

import os


def rest_between_loops() -> None:
    """Let the threads of PyTorch sleep while they have no work; to be called before its import.

    Unasked, OpenMP lets them look for work for some milliseconds after every loop, in which they
    take the processor from compiled kernels and from a server's other threads. A policy that the
    environment already names stays.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
