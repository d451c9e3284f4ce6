"""Mel frames by flow matching: noise follows the network's velocity, the prompt stays put.

Reference: Lipman et al., "Flow Matching for Generative Modeling", arXiv 2210.02747, section 4;
the prompt is kept as in Le et al., "Voicebox", arXiv 2306.15687.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from engine.models.dit import DiffusionTransformer, DitConfig
from engine.models.masks import length_mask


@dataclass(frozen=True, slots=True)
class FlowOptions:
    """How carefully the flow is followed: `steps` of equal size, and `guidance` (0 is none)."""

    steps: int = 32
    guidance: float = 0.0


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
        rows, _, frames = noise.shape
        known = prompt.shape[-1]
        mask = length_mask(lengths, frames)[:, 0].bool()
        padded = F.pad(prompt, (0, frames - known))
        text = self.estimator.text_embed(features.mT)
        free_text = self.estimator.text_embed(torch.zeros_like(features.mT)) if guidance else None
        step = torch.full((rows,), 1.0 / steps, device=noise.device)
        mel = _without_prompt(noise, known)
        for i in range(steps):
            time = self.estimator.embed_time(i * step, step)
            velocity = self.estimator(mel, padded, text, mask, time)
            if free_text is not None:
                free = self.estimator(mel, torch.zeros_like(padded), free_text, mask, time)
                velocity = velocity + (velocity - free) * guidance
            mel = _without_prompt(mel + velocity / steps, known)
        return mel


def _without_prompt(mel: Tensor, known: int) -> Tensor:
    return F.pad(mel[..., known:], (known, 0))
