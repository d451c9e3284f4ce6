"""Threads of compiled kernels, beside those of PyTorch.

A kernel is called once by every thread, with which part of how many it is to do. Parts that need
each other's outcome meet in the kernel (`meet`): that takes less than a microsecond, where a
parallel loop of a library takes many.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from threading import Lock
from typing import Any

import numpy as np
import torch
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from engine.models.kernel_parts import Counts, inner

SHARED_BYTES = 1 << 20  # of a matrix: worth the work of several threads
TURNS = 2000  # to look for the others before the processor is left to them
RELEASED = 1 << 62  # more than all meetings of all parts
ONE_AT_A_TIME = Lock()  # parts that wait for parts of another call would wait for ever


def share(kernel: Callable[..., Any], matrix_bytes: int, *arguments: object) -> Any:
    """`kernel(*arguments, met, part, parts)` on as many threads as PyTorch has; part 0's outcome.

    The kernel holds no lock of Python's and is compiled. `met` is for `meet`. Small matrices get
    one thread: their parts end sooner than a thread wakes up, and on a busy machine waiting for
    it costs many times the work.
    """
    parts = torch.get_num_threads() if matrix_bytes >= SHARED_BYTES else 1
    met = np.zeros(1, np.int64)
    if parts == 1:
        return kernel(*arguments, met, 0, 1)
    with ONE_AT_A_TIME, _released_if_it_fails(met):
        others = [
            _helpers(parts - 1, os.getpid()).submit(_run, kernel, arguments, met, part, parts)
            for part in range(1, parts)
        ]
        outcome = kernel(*arguments, met, 0, parts)
        for other in others:
            other.result()
    return outcome


def _run(
    kernel: Callable[..., Any], arguments: tuple[object, ...], met: Counts, part: int, parts: int
) -> None:
    with _released_if_it_fails(met):
        kernel(*arguments, met, part, parts)


@contextmanager
def _released_if_it_fails(met: Counts) -> Iterator[None]:
    """Let nobody wait for a part that failed, or that was interrupted before it began."""
    try:
        yield
    except BaseException:
        met[0] = RELEASED
        raise


@cache
def _helpers(threads: int, process: int) -> ThreadPoolExecutor:
    """Threads of this process: one that was forked from it has none of them."""
    return ThreadPoolExecutor(threads, "kernel")


@inner
def meet(met, times, parts):  # type: ignore[no-untyped-def]
    """Wait until all parts have come here; `times` counts the meetings of a call, from 1 on."""
    if parts == 1:
        return
    _count(met)
    turn = 0
    while _counted(met) < times * parts:
        turn += 1
        if turn > TURNS:
            _leave_processor()


_leave_processor = types.ExternalFunction("sched_yield", types.int32())


def _count_code(context, met):  # type: ignore[no-untyped-def]
    """Add one to a counter of several threads; what was written before is seen after."""

    def generate(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        counter = context.make_array(signature.args[0])(context, builder, arguments[0]).data
        builder.atomic_rmw("add", counter, ir.IntType(64)(1), "seq_cst")
        return context.get_dummy_value()

    return types.void(met), generate


def _counted_code(context, met):  # type: ignore[no-untyped-def]
    """What a counter of several threads has."""

    def generate(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        counter = context.make_array(signature.args[0])(context, builder, arguments[0]).data
        return builder.load_atomic(counter, "seq_cst", 8)

    return types.int64(met), generate


_count: Any = intrinsic(_count_code)
_counted: Any = intrinsic(_counted_code)
