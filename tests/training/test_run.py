"""Training runs that are stopped and go on."""

from __future__ import annotations

import csv
from pathlib import Path

import torch
from torch import nn

from engine.training.run import TrainingRun


def test_a_stopped_run_goes_on_where_it_was_saved(tmp_path: Path) -> None:
    network = nn.Linear(2, 2)
    run = TrainingRun(tmp_path, {"network": network}, steps=10)
    for _ in range(4):
        run.advance({"loss": 1.0})
    run.save()
    again = nn.Linear(2, 2)
    resumed = TrainingRun(tmp_path, {"network": again}, steps=10)
    assert resumed.step == 4
    assert torch.equal(again.weight, network.weight)


def test_a_run_ends_at_its_steps(tmp_path: Path) -> None:
    run = TrainingRun(tmp_path, {}, steps=3)
    while not run.finished:
        run.advance({"loss": 0.0})
    assert run.step == 3


def test_a_run_ends_at_its_hours(tmp_path: Path) -> None:
    run = TrainingRun(tmp_path, {}, steps=10**9, hours=1e-9)
    run.advance({"loss": 0.0})
    assert run.finished


def test_the_log_holds_the_means_since_the_last_report(tmp_path: Path) -> None:
    run = TrainingRun(tmp_path, {}, steps=10)
    run.advance({"loss": 1.0})
    run.advance({"loss": 3.0})
    assert run.report() == {"loss": 2.0}
    run.advance({"loss": 5.0})
    run.report()
    rows = list(csv.DictReader((tmp_path / "log.csv").read_text().splitlines()))
    assert [row["loss"] for row in rows] == ["2.0", "5.0"]


def test_a_crash_while_saving_leaves_the_checkpoint_before(tmp_path: Path) -> None:
    run = TrainingRun(tmp_path, {"network": nn.Linear(1, 1)}, steps=10)
    run.advance({"loss": 1.0})
    run.save()
    (tmp_path / "checkpoint.partial").write_bytes(b"half a file")
    assert TrainingRun(tmp_path, {"network": nn.Linear(1, 1)}, steps=10).step == 1
