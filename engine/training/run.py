"""What every training run shares: resumable checkpoints, a CSV log and a progress line."""

from __future__ import annotations

import csv
import logging
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

logger = logging.getLogger(__name__)


Stateful = nn.Module | torch.optim.Optimizer


class TrainingRun:
    """A run in `folder`: `checkpoint.pt` (the newest state), `log.csv`, and the step count.

    Args:
        parts: what a checkpoint holds, by name.
        steps: where the run ends.
        hours: where it ends if that comes first.
    """

    def __init__(
        self,
        folder: Path,
        parts: Mapping[str, Stateful],
        steps: int,
        hours: float = float("inf"),
    ) -> None:
        self.folder, self.parts, self.steps, self.hours = folder, dict(parts), steps, hours
        self.step = 0
        self.spent_s = 0.0
        self._sums: dict[str, Tensor | float] = {}
        self._counted = 0
        self._mark = time.monotonic()
        folder.mkdir(parents=True, exist_ok=True)
        self._resume()

    @property
    def progress(self) -> float:
        """How much of the run is over, 0 to 1, by steps or hours, whichever is further."""
        return min(1.0, max(self.step / self.steps, self.spent_s / 3600 / self.hours))

    @property
    def finished(self) -> bool:
        """Whether the last step is done."""
        return self.progress >= 1.0

    def advance(self, losses: Mapping[str, Tensor | float]) -> None:
        """Count a step and its losses, which may still be on their way."""
        self.step += 1
        now = time.monotonic()
        self.spent_s += now - self._mark
        self._mark = now
        self._counted += 1
        for name, value in losses.items():
            self._sums[name] = self._sums.get(name, 0.0) + value

    def keep(self) -> None:
        """Report every 50 steps and save every 200, and at the end."""
        if self.step % 50 == 0 or self.finished:
            self.report()
        if self.step % 200 == 0 or self.finished:
            self.save()

    def report(self) -> dict[str, float]:
        """Log the mean losses since the last report, with the time that is left."""
        means = {name: float(total) / self._counted for name, total in self._sums.items()}
        self._sums, self._counted = {}, 0
        left_s = self.spent_s / max(self.progress, 1e-6) * (1 - self.progress)
        shown = " ".join(f"{name} {value:.3f}" for name, value in means.items())
        logger.info("step %d  %s  left %d min", self.step, shown, left_s / 60)
        path = self.folder / "log.csv"
        new = not path.exists()
        with path.open("a", newline="") as file:
            writer = csv.writer(file)
            if new:
                writer.writerow(["step", "seconds", *means])
            writer.writerow([self.step, round(self.spent_s, 1), *means.values()])
        return means

    def save(self) -> None:
        """Write the checkpoint; a crash meanwhile leaves the one before."""
        state: dict[str, object] = {name: part.state_dict() for name, part in self.parts.items()}
        state["run"] = {"step": self.step, "spent_s": self.spent_s}
        partial = self.folder / "checkpoint.partial"
        torch.save(state, partial)
        partial.replace(self.folder / "checkpoint.pt")

    def _resume(self) -> None:
        path = self.folder / "checkpoint.pt"
        if not path.exists():
            return
        state = load_checkpoint(self.folder)
        for name, part in self.parts.items():
            part.load_state_dict(state[name])
        self.step, self.spent_s = state["run"]["step"], state["run"]["spent_s"]
        logger.info("resumed %s at step %d", self.folder.name, self.step)


def load_checkpoint(folder: Path) -> dict[str, Any]:
    """The newest state of the run in `folder`, on the host wherever it was made."""
    path, host = folder / "checkpoint.pt", torch.device("cpu")
    state: dict[str, Any] = torch.load(path, map_location=host, weights_only=True)
    return state
