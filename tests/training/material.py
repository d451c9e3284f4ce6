"""A little noise to train on."""

from __future__ import annotations

import numpy as np
import torch

from engine.training.starter.tokens import Example
from tests.tiny_bundle import ACOUSTIC, CODES, SYMBOLS

HOP = ACOUSTIC.hop_length


def noise_recording(frames: int = 400) -> np.ndarray[tuple[int], np.dtype[np.int16]]:
    """Noise, int16 [frames * hop]."""
    return np.random.default_rng(0).integers(-3000, 3000, frames * HOP, dtype=np.int16)


def examples(count: int = 8, frames: int = 40) -> list[Example]:
    """Utterances of two speakers, cut one after the other from the noise."""
    generator = torch.Generator().manual_seed(0)
    return [
        Example(
            speaker="ab"[i % 2],
            start=i * frames * HOP,
            frames=frames,
            phoneme_ids=torch.randint(SYMBOLS, (6 + i % 3,), generator=generator),
            tokens=torch.randint(CODES, (frames // 2,), generator=generator),
            heard=torch.randint(CODES, (frames // 2,), generator=generator),
            tail=torch.zeros(5, dtype=torch.long),
        )
        for i in range(count)
    ]
