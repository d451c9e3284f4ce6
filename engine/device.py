"""Where the networks run."""

from __future__ import annotations

import torch

from engine.errors import InvalidOptionError, MissingDependencyError


def pick_device(name: str) -> torch.device:
    """Return the device `name`; `auto` is CUDA where there is one, else the CPU.

    Raises:
        InvalidOptionError: PyTorch knows no such kind of device.
        MissingDependencyError: there is no such GPU, or no driver for it.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise InvalidOptionError("device", name, "auto, cpu, cuda or cuda:N") from error
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise MissingDependencyError(
            f"a GPU that PyTorch can use as {name}", "install its driver, or take the device cpu"
        )
    return device


def multiplies_bfloat16(device: torch.device) -> bool:
    """Whether a device has instructions for products of bfloat16 numbers.

    They take half the time of float32 then; emulated they take up to seventeen times as long.
    """
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    return any(has and name.endswith("bf16") for name, has in torch.cpu.get_capabilities().items())
