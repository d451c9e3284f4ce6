"""Trainings side by side, each in a process of its own, as soon as what they need is done."""

from __future__ import annotations

import multiprocessing
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
                    running[name] = context.Process(target=waiting.pop(name).work, name=name)
                    running[name].start()
            wait([process.sentinel for process in running.values()])
            for name in [name for name, process in running.items() if not process.is_alive()]:
                if running.pop(name).exitcode:
                    raise RuntimeError(f"{name} failed; its output says why")
    finally:
        for process in running.values():
            process.terminate()
            process.join()
