"""Several processes that train one model: each its own batches, one average gradient."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
import torch.distributed as dist
from torch import nn
from torch.nn.utils import parameters_to_vector


@dataclass(frozen=True, slots=True)
class Team:
    """Which of how many processes this is; a team of one exchanges nothing."""

    rank: int = 0
    size: int = 1

    @property
    def leads(self) -> bool:
        """Whether this process logs and saves."""
        return self.rank == 0

    def average_gradients(self, parameters: Iterable[nn.Parameter]) -> None:
        """Replace every gradient by its mean over the team."""
        if self.size == 1:
            return
        gradients = [p.grad for p in parameters if p.grad is not None]
        flat = parameters_to_vector(gradients)
        dist.all_reduce(flat)
        flat /= self.size
        at = 0
        for gradient in gradients:
            gradient.copy_(flat[at : at + gradient.numel()].view_as(gradient))
            at += gradient.numel()


ALONE = Team()


def run_team(work: Callable[[Team], None], size: int) -> None:
    """Run `work` in `size` processes, on one thread each, until all are done.

    Raises:
        RuntimeError: one of them failed.
    """
    context = multiprocessing.get_context("spawn")
    with TemporaryDirectory() as folder:
        meeting = Path(folder) / "meeting"
        members = [
            context.Process(target=_member, args=(work, Team(rank, size), meeting))
            for rank in range(size)
        ]
        run_processes(members)


def run_processes(processes: Sequence[BaseProcess]) -> None:
    """Start all, and wait until all are done.

    Raises:
        RuntimeError: one of them failed.
    """
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    if any(process.exitcode for process in processes):
        raise RuntimeError("a training process failed; its output says why")


def _member(work: Callable[[Team], None], team: Team, meeting: Path) -> None:
    torch.set_num_threads(1)
    dist.init_process_group("gloo", f"file://{meeting}", rank=team.rank, world_size=team.size)
    try:
        work(team)
    finally:
        dist.destroy_process_group()
