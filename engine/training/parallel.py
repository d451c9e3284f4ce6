"""Trainings side by side, each in a process of its own, as soon as what they need is done.

The processes end with the one that started them, however that ends: two that write the same
checkpoint would ruin it.
"""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess


@dataclass(frozen=True, slots=True)
class Job:
    """Something to run, and the names of the jobs that must be done before."""

    work: Callable[[], None]
    needs: tuple[str, ...] = ()


def run_jobs[Name: str](jobs: Mapping[Name, Job], processes: int) -> None:
    """Run all jobs, up to `processes` at a time; the first that can is the first that runs.

    Raises:
        RuntimeError: one of them failed; the others that ran were stopped.
    """
    context = multiprocessing.get_context("spawn")
    waiting = dict(jobs)
    running: dict[Name, BaseProcess] = {}
    try:
        while waiting or running:
            for name, job in list(waiting.items()):
                free = len(running) < processes
                if free and not any(need in waiting or need in running for need in job.needs):
                    work = waiting.pop(name).work
                    running[name] = context.Process(target=_work, args=(work,), name=name)
                    running[name].start()
            wait([process.sentinel for process in running.values()])
            for name in [name for name, process in running.items() if not process.is_alive()]:
                if running.pop(name).exitcode:
                    raise RuntimeError(f"{name} failed; its output says why")
    finally:
        for process in running.values():
            process.terminate()
            process.join()


def _work(work: Callable[[], None]) -> None:
    threading.Thread(target=_end_with_parent, daemon=True).start()
    work()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)
