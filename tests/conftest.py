"""Settings of all tests."""

from __future__ import annotations

import os
import shutil
from collections.abc import Generator

import pytest

# Waiting threads of a busy machine spin: on tiny networks one thread is quicker than two. The
# variable must stand before torch is imported, and processes started by tests inherit it.
os.environ.setdefault("OMP_NUM_THREADS", "1")

PROGRAM = "espeak-ng"  # the only one that tests need and pip does not bring
REQUIRED = "REQUIRE_PROGRAMS"  # set where a missing program is a failure


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Generator[None, object, object]:
    """Skip what a machine without espeak-ng cannot show, and say how to get it."""
    from engine.errors import MissingDependencyError

    try:
        return (yield)
    except MissingDependencyError as missing:
        is_here = shutil.which(PROGRAM) is not None
        if is_here or REQUIRED in os.environ or not str(missing).startswith(PROGRAM):
            raise
        pytest.skip(str(missing))
