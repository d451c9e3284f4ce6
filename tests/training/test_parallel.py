"""Jobs of a training run side by side, each after what it needs."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from engine.training.parallel import Job, run_jobs


def note(folder: Path, name: str, *needs: str) -> None:
    for need in needs:
        assert (folder / need).exists()
    (folder / name).touch()


def fail() -> None:
    raise SystemExit(3)


def wait_for_ever(folder: Path) -> None:
    while True:
        (folder / "waits").touch()


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
