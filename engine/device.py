"""Where the networks run."""

from __future__ import annotations

import torch


def pick_device(name: str) -> torch.device:
    """Return the device `name`; `auto` is CUDA where there is one, else the CPU."""
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    return torch.device(name)
