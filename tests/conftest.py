"""Settings of all tests."""

from __future__ import annotations

import os
from collections.abc import Generator

import pytest

# Waiting threads of a busy machine spin: on tiny networks one thread is quicker than two. The
# variable must stand before torch is imported, and processes started by tests inherit it.
os.environ.setdefault("OMP_NUM_THREADS", "1")


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Generator[None, object, object]:
    """Skip what a machine without a system program cannot show, and say how to get it."""
    from engine.errors import MissingDependencyError

    try:
        return (yield)
    except MissingDependencyError as missing:
        pytest.skip(str(missing))
