"""Long speech in pieces of bounded length, each continuing frames that are known.

Two ways: one piece after another, each prompted by the end of the one before; or all pieces at
once, each prompted by the reference, overlapping so that their waveforms can be joined. Several
speeches that go piece by piece share their batches: see `in_lockstep`.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from engine.models.cfm import ConditionalFlow, FlowTask

NoiseSource = Callable[[tuple[int, int, int]], Tensor]
LARGEST_BATCH = 8
LEAST_FILLED = 0.75  # of the longest row of a batch; what is padded is computed for nothing

type Work[T] = Generator[FlowTask, Tensor, T]
"""Asks for one stretch of mels after another, is sent each, and returns what it made of them."""


@dataclass(frozen=True, slots=True)
class PieceLimits:
    """Frames of a piece: at most `prompt` known ones, `total` with them."""

    prompt: int
    total: int


V3_LIMITS = PieceLimits(prompt=468, total=934)
V4_LIMITS = PieceLimits(prompt=500, total=1000)


@dataclass(frozen=True, slots=True)
class MelPrompt:
    """Known frames: normalized `mel` [1, M, P] and their `features` [1, D, P]."""

    mel: Tensor
    features: Tensor

    @property
    def frames(self) -> int:
        """P."""
        return self.mel.shape[-1]

    @classmethod
    def fit(cls, mel: Tensor, features: Tensor, limits: PieceLimits) -> MelPrompt:
        """Make both of one length, and of the limit at most: the last frames are kept."""
        frames = min(mel.shape[-1], features.shape[-1])
        start = max(0, frames - limits.prompt)
        return cls(mel[..., start:frames], features[..., start:frames])

    def followed_by(self, mel: Tensor, features: Tensor) -> MelPrompt:
        """The prompt of what comes after `mel` [1, M, T]: as long as this one, and newer."""
        mels = torch.cat((self.mel, mel), dim=-1)
        both = torch.cat((self.features, features), dim=-1)
        start = mels.shape[-1] - self.frames
        return MelPrompt(mels[..., start:], both[..., start:])


@dataclass(frozen=True)
class Inpainter:
    """A flow, how many steps it takes, where its noise comes from, and its guidance."""

    flow: ConditionalFlow
    steps: int
    noise: NoiseSource
    guidance: float = 0.0

    def in_sequence(self, prompt: MelPrompt, features: Tensor, limits: PieceLimits) -> Tensor:
        """Return normalized mels [1, M, T] for `features` [1, D, T]."""
        return in_lockstep(self.flow, [self.work(prompt, features, limits)], self.guidance)[0]

    def work(self, prompt: MelPrompt, features: Tensor, limits: PieceLimits) -> Work[Tensor]:
        """The work of `in_sequence`, to be done beside that of others."""
        frames = prompt.frames
        pieces: list[Tensor] = []
        for part in features.split(limits.total - frames, dim=-1):
            everything = torch.cat((prompt.features, part), dim=-1)
            noise = self.noise((1, prompt.mel.shape[1], everything.shape[-1]))
            mel = yield FlowTask(everything, prompt.mel, noise, self.steps)
            pieces.append(mel)
            prompt = MelPrompt(mel[..., -frames:], part[..., -frames:])
        return torch.cat(pieces, dim=-1)

    def at_once(self, prompt: MelPrompt, windows: Tensor) -> Tensor:
        """Return normalized mels [W, M, L] for `windows` of features [W, D, L]."""
        rows = len(windows)
        mel = prompt.mel.expand(rows, -1, -1)
        features = torch.cat((prompt.features.expand(rows, -1, -1), windows), dim=-1)
        frames = features.shape[-1]
        noise = self.noise((rows, mel.shape[1], frames))
        lengths = torch.full((rows,), frames, device=features.device)
        made: Tensor = self.flow(features, lengths, mel, noise, self.steps, self.guidance)
        return made[..., prompt.frames :]


def in_lockstep[T](
    flow: ConditionalFlow, works: Sequence[Work[T]], guidance: float = 0.0
) -> list[T]:
    """Do several works at once and return what each made: what it would have made alone."""
    results: dict[int, T] = {}
    waiting: dict[int, FlowTask] = {}

    def go_on(index: int, mel: Tensor | None) -> None:
        try:
            waiting[index] = next(works[index]) if mel is None else works[index].send(mel)
        except StopIteration as stop:
            results[index] = stop.value

    for index in range(len(works)):
        go_on(index, None)
    while waiting:
        asked = dict(waiting)
        waiting.clear()
        for rows in _batches({index: task.frames for index, task in asked.items()}):
            mels = flow.together([asked[index] for index in rows], guidance)
            for index, mel in zip(rows, mels, strict=True):
                go_on(index, mel)
    return [results[index] for index in range(len(works))]


def _batches(frames: Mapping[int, int]) -> list[list[int]]:
    """Group works of like length, the longest first."""
    batches: list[list[int]] = []
    for index in sorted(frames, key=lambda each: -frames[each]):
        newest = batches[-1] if batches else []
        fits = newest and frames[index] >= LEAST_FILLED * frames[newest[0]]
        if fits and len(newest) < LARGEST_BATCH:
            newest.append(index)
        else:
            batches.append([index])
    return batches


def overlapping_windows(features: Tensor, length: int, overlap: int) -> Tensor:
    """Return windows [W, D, length] of `features` [1, D, T], `overlap` frames shared.

    `overlap` frames of zeros come before the first frame, and zeros fill the last window.
    """
    stride = length - overlap
    frames = features.shape[-1] + overlap
    count = max(1, -(-(frames - overlap) // stride))
    padded = F.pad(features[0], (overlap, overlap + count * stride - frames))
    return padded.unfold(-1, length, stride).transpose(0, 1)
