"""Threads of compiled kernels, beside those of PyTorch."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

import numba
import torch

SHARED_BYTES = 1 << 20  # of a matrix: worth the work of several threads
ONE_AT_A_TIME = Lock()  # numba's own pool of threads ends the process that enters it twice


@contextmanager
def numba_threads(matrix_bytes: int) -> Iterator[int]:
    """How many threads shall share the rows of such a matrix; they are this caller's meanwhile.

    Small ones get one: their loops end sooner than threads can meet, and on a busy machine the
    meeting costs many times the work.
    """
    most = numba.config.NUMBA_NUM_THREADS  # type: ignore[attr-defined]
    wanted = torch.get_num_threads()
    if matrix_bytes < SHARED_BYTES or min(wanted, most) == 1:
        yield 1
        return
    with ONE_AT_A_TIME:
        numba.set_num_threads(min(wanted, most))
        if torch.get_num_threads() != wanted:  # changed by the pool of numba, when it starts
            torch.set_num_threads(wanted)
        yield min(wanted, most)
