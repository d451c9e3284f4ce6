"""Threads that do a compiled kernel together."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from numba import njit
from numpy.typing import NDArray

from engine.models.kernel_threads import SHARED_BYTES, meet, share
from tests.source_tree import ROOT

ROUNDS = 500


@pytest.fixture(autouse=True)
def keep_threads() -> Iterator[None]:
    """Leave the number of threads to the next test as it was."""
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@njit(nogil=True)
def pass_round(places, met, part, parts):  # type: ignore[no-untyped-def]
    """Every part adds one to what its neighbour had, time and again."""
    times = 0
    for _ in range(ROUNDS):
        neighbour = places[(part + 1) % parts]
        meet(met, times + 1, parts)
        places[part] = neighbour + 1
        meet(met, times + 2, parts)
        times += 2
    return parts


def passed(threads: int, matrix_bytes: int = SHARED_BYTES) -> tuple[int, NDArray[np.int64]]:
    torch.set_num_threads(threads)
    places = np.zeros(threads, np.int64)
    return share(pass_round, matrix_bytes, places), places


@pytest.mark.parametrize("threads", [1, 2, 3, 5])
def test_parts_that_meet_see_what_the_others_wrote(threads: int) -> None:
    parts, places = passed(threads)
    assert parts == threads
    assert places.tolist() == threads * [ROUNDS]


def test_small_matrices_get_one_thread() -> None:
    parts, places = passed(3, SHARED_BYTES - 1)
    assert parts == 1
    assert places.tolist() == [ROUNDS, 0, 0]


def test_callers_from_several_threads_take_turns() -> None:
    with ThreadPoolExecutor(4) as callers:
        for parts, places in callers.map(passed, 20 * [3]):
            assert places[:parts].tolist() == parts * [ROUNDS]


def test_a_forked_process_has_threads_of_its_own() -> None:
    code = """
import os
from tests.models.test_kernel_threads import passed
assert passed(2)[0] == 2
child = os.fork()
if not child:
    os._exit(0 if passed(2)[0] == 2 else 1)
raise SystemExit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, timeout=60)


@njit(nogil=True)
def wait_for_all(met, parts):  # type: ignore[no-untyped-def]
    meet(met, 1, parts)


@pytest.mark.parametrize("failing", [0, 1])
@pytest.mark.parametrize("error", [MemoryError, KeyboardInterrupt])
def test_nobody_waits_for_a_part_that_fails(failing: int, error: type[BaseException]) -> None:
    torch.set_num_threads(2)

    def fail(met: NDArray[np.int64], part: int, parts: int) -> None:
        if part == failing:
            raise error
        wait_for_all(met, parts)

    with pytest.raises(error):
        share(fail, SHARED_BYTES)
    assert passed(2)[0] == 2
