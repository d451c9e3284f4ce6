"""Where a training runs: batches are made on the host and go to the networks' device."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from _typeshed import DataclassInstance


def device_of(network: nn.Module) -> torch.device:
    """Where the parameters of a network lie."""
    return next(network.parameters()).device


def sent(tensor: Tensor, device: torch.device) -> Tensor:
    """The tensor on a device, without waiting for what a GPU has still to do."""
    if device.type == "cuda" and tensor.device.type == "cpu":
        return tensor.pin_memory().to(device, non_blocking=True)
    return tensor.to(device)


def sent_batch[Batch: DataclassInstance](batch: Batch, device: torch.device) -> Batch:
    """A batch whose tensors are on a device."""
    values = {field.name: getattr(batch, field.name) for field in fields(batch)}
    moved = {name: sent(v, device) for name, v in values.items() if isinstance(v, Tensor)}
    return replace(batch, **moved)
