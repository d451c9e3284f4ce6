"""Long speech in pieces of bounded length, each continuing frames that are known.

Two ways: one piece after another, each prompted by the end of the one before; or all pieces at
once, each prompted by the reference, overlapping so that their waveforms can be joined.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from engine.models.cfm import ConditionalFlow

NoiseSource = Callable[[tuple[int, int, int]], Tensor]


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
        frames = prompt.frames
        pieces: list[Tensor] = []
        for part in features.split(limits.total - frames, dim=-1):
            mel = self._continue(prompt, part)
            pieces.append(mel)
            prompt = MelPrompt(mel[..., -frames:], part[..., -frames:])
        return torch.cat(pieces, dim=-1)

    def at_once(self, prompt: MelPrompt, windows: Tensor) -> Tensor:
        """Return normalized mels [W, M, L] for `windows` of features [W, D, L]."""
        rows = len(windows)
        repeated = MelPrompt(prompt.mel.expand(rows, -1, -1), prompt.features.expand(rows, -1, -1))
        return self._continue(repeated, windows)

    def _continue(self, prompt: MelPrompt, features: Tensor) -> Tensor:
        everything = torch.cat((prompt.features, features), dim=-1)
        rows, _, frames = everything.shape
        noise = self.noise((rows, prompt.mel.shape[1], frames))
        lengths = torch.full((rows,), frames, device=everything.device)
        mel: Tensor = self.flow(everything, lengths, prompt.mel, noise, self.steps, self.guidance)
        return mel[..., prompt.frames :]


def overlapping_windows(features: Tensor, length: int, overlap: int) -> Tensor:
    """Return windows [W, D, length] of `features` [1, D, T], `overlap` frames shared.

    `overlap` frames of zeros come before the first frame, and zeros fill the last window.
    """
    stride = length - overlap
    frames = features.shape[-1] + overlap
    count = max(1, -(-(frames - overlap) // stride))
    padded = F.pad(features[0], (overlap, overlap + count * stride - frames))
    return padded.unfold(-1, length, stride).transpose(0, 1)
