"""Jobs of a training run side by side, each after what it needs."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pytest

from engine.training.parallel import Job, run_jobs
from tests.source_tree import ROOT


def note(folder: Path, name: str, *needs: str) -> None:
    for need in needs:
        assert (folder / need).exists()
    (folder / name).touch()


def fail() -> None:
    raise SystemExit(3)


def wait_for_ever(folder: Path) -> None:
    while True:
        (folder / "waits").write_text(str(os.getpid()))
        time.sleep(0.01)


@pytest.mark.parametrize("processes", [1, 2])
def test_a_job_begins_when_all_that_it_needs_is_done(tmp_path: Path, processes: int) -> None:
    needs = {"last": ("left", "right"), "left": ("first",), "right": ("first",), "first": ()}
    jobs = {name: Job(partial(note, tmp_path, name, *n), n) for name, n in needs.items()}
    run_jobs(jobs, processes)
    assert {path.name for path in tmp_path.iterdir()} == set(needs)


def test_a_job_that_fails_ends_the_others_and_is_named(tmp_path: Path) -> None:
    jobs = {
        "endless": Job(partial(wait_for_ever, tmp_path)),
        "broken": Job(fail),
        "after": Job(partial(note, tmp_path, "after"), ("broken",)),
    }
    with pytest.raises(RuntimeError, match="broken failed"):
        run_jobs(jobs, 2)
    assert not (tmp_path / "after").exists()


def train(folder: Path) -> None:
    run_jobs({"endless": Job(partial(wait_for_ever, folder))}, 1)


def test_no_job_outlives_the_process_that_runs_them(tmp_path: Path) -> None:
    code = (
        "import pathlib, sys; from tests.training.test_parallel import train; "
        "train(pathlib.Path(sys.argv[1]))"
    )
    process = subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], cwd=ROOT)
    note = tmp_path / "waits"
    while not note.exists():
        time.sleep(0.05)
    process.kill()
    process.wait()
    deadline = time.monotonic() + 20
    while time.time() - note.stat().st_mtime < 1:
        assert time.monotonic() < deadline, "a job still writes"
        time.sleep(0.1)
