"""Mel frames by flow matching: noise follows the network's velocity, the prompt stays put.

Reference: Lipman et al., "Flow Matching for Generative Modeling", arXiv 2210.02747, section 4;
the prompt is kept as in Le et al., "Voicebox", arXiv 2306.15687.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from engine.models.dit import DiffusionTransformer
from engine.models.dit_embeddings import DitConfig
from engine.models.masks import length_mask


@dataclass(frozen=True, slots=True)
class FlowOptions:
    """How carefully the flow is followed: `steps` of equal size, and `guidance` (0 is none)."""

    steps: int = 32
    guidance: float = 0.0


@dataclass(frozen=True, slots=True, eq=False)
class FlowTask:
    """A stretch of mels to be made.

    Attributes:
        features: [1, D, T] for every frame, those of the prompt first.
        prompt: [1, M, P], the known frames.
        noise: standard normal [1, M, T].
        steps: of equal size.
    """

    features: Tensor
    prompt: Tensor
    noise: Tensor
    steps: int

    @property
    def frames(self) -> int:
        """T."""
        return self.noise.shape[-1]


class ConditionalFlow(nn.Module):
    """Euler integration of a `DiffusionTransformer`'s velocity."""

    def __init__(self, config: DitConfig) -> None:
        super().__init__()
        self.estimator = DiffusionTransformer(config)

    def forward(
        self,
        features: Tensor,
        lengths: Tensor,
        prompt: Tensor,
        noise: Tensor,
        steps: int,
        guidance: float = 0.0,
    ) -> Tensor:
        """Return normalized mels [B, M, T], zero where the prompt stands.

        Args:
            features: [B, D, T] for every frame, those of the prompt first.
            lengths: int64 [B], frames of each row with the prompt's.
            prompt: [B, M, P], the known frames.
            noise: standard normal [B, M, T].
            steps: of equal size; the network is told the size.
            guidance: how far to move on from the velocity without prompt and text; official
                inference uses 0.
        """
        (rows, _, frames), known = noise.shape, prompt.shape[-1]
        free = torch.ones_like(noise[:, :1])
        free[..., :known] = 0
        embed, bare = self.estimator.text_embed, torch.zeros_like(features.mT)
        batch = _Batch(
            self.estimator,
            mel=noise * free,
            prompt=F.pad(prompt, (0, frames - known)),
            text=embed(features.mT),
            free_text=embed(bare) if guidance else None,
            inside=length_mask(lengths, frames)[:, 0].bool(),
            free=free,
            steps=(steps,) * rows,
            guidance=guidance,
            apart=False,
        )
        return batch.follow()

    def together(self, tasks: Sequence[FlowTask], guidance: float = 0.0) -> list[Tensor]:
        """Return normalized mels [1, M, T - P] of every task, in one batch.

        Lengths, prompts and numbers of steps may differ; a row is what it would be alone.
        """
        order = sorted(range(len(tasks)), key=lambda row: -tasks[row].steps)
        made = _Batch.of([tasks[row] for row in order], self.estimator, guidance).follow()
        mels = {row: made[place : place + 1] for place, row in enumerate(order)}
        return [
            mels[row][..., task.prompt.shape[-1] : task.frames] for row, task in enumerate(tasks)
        ]


@dataclass(slots=True, eq=False)
class _Batch:
    """Rows that follow the flow together, those with the most steps first.

    Attributes:
        mel: [B, M, T] at this time of the flow; `prompt` [B, M, T], zeros behind it.
        text, free_text: [B, T, D], what the network reads, and what it reads without text.
        inside: bool [B, T], within a row; `free` [B, 1, T], 1 where its mels are to be made.
        steps: how many each row takes.
        apart: see `DiffusionTransformer`.
    """

    estimator: DiffusionTransformer
    mel: Tensor
    prompt: Tensor
    text: Tensor
    free_text: Tensor | None
    inside: Tensor
    free: Tensor
    steps: tuple[int, ...]
    guidance: float
    apart: bool = True

    @classmethod
    def of(
        cls, tasks: Sequence[FlowTask], estimator: DiffusionTransformer, guidance: float
    ) -> _Batch:
        longest, like = max(task.frames for task in tasks), tasks[0].noise
        lengths = torch.tensor([task.frames for task in tasks], device=like.device)
        known = torch.tensor([task.prompt.shape[-1] for task in tasks], device=like.device)
        inside = length_mask(lengths, longest)
        free = (inside - length_mask(known, longest)).to(like.dtype)
        # Its normalization is over time, so every row is embedded at its own length.
        texts = [estimator.text_embed(task.features.mT).mT for task in tasks]
        bare = [torch.zeros_like(task.features.mT) for task in tasks] if guidance else []
        return cls(
            estimator,
            mel=_padded([task.noise for task in tasks], longest) * free,
            prompt=_padded([task.prompt for task in tasks], longest),
            text=_padded(texts, longest).mT,
            free_text=_padded([estimator.text_embed(each).mT for each in bare], longest).mT
            if bare
            else None,
            inside=inside[:, 0].bool(),
            free=free,
            steps=tuple(task.steps for task in tasks),
            guidance=guidance,
        )

    def follow(self) -> Tensor:
        """Take all steps; returns `mel`."""
        for i in range(self.steps[0]):
            self._advance(i)
        return self.mel

    def _advance(self, i: int) -> None:
        """Take step `i` with the rows that have one."""
        live = sum(steps > i for steps in self.steps)
        step = torch.tensor([1.0 / steps for steps in self.steps[:live]]).to(self.mel)
        time = self.estimator.embed_time(i * step, step)
        velocity = self._velocity(self.prompt[:live], self.text, time)
        if self.free_text is not None:
            blank = torch.zeros_like(self.prompt[:live])
            without = self._velocity(blank, self.free_text, time)
            velocity = velocity + (velocity - without) * self.guidance
        moved = self.mel[:live] + velocity * step[:, None, None]
        self.mel = torch.cat((moved * self.free[:live], self.mel[live:]))

    def _velocity(self, prompt: Tensor, text: Tensor, time: Tensor) -> Tensor:
        live = len(time)
        velocity: Tensor = self.estimator(
            self.mel[:live], prompt, text[:live], self.inside[:live], time, apart=self.apart
        )
        return velocity


def _padded(rows: Sequence[Tensor], frames: int) -> Tensor:
    """Rows [1, C, T_i] as one batch [B, C, frames], zeros behind them."""
    return torch.cat([F.pad(row, (0, frames - row.shape[-1])) for row in rows])
