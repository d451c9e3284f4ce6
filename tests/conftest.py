"""Settings of all tests."""

from __future__ import annotations

import os

# Waiting threads of a busy machine spin: on tiny networks one thread is quicker than two. The
# variable must stand before torch is imported, and processes started by tests inherit it.
os.environ.setdefault("OMP_NUM_THREADS", "1")
