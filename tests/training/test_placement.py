"""Batches go to the device of the networks."""

from __future__ import annotations

from dataclasses import fields

import torch
from torch import Tensor, nn

from engine.training.placement import device_of, sent, sent_batch
from engine.training.semantic_trainer import collate

ELSEWHERE = torch.device("meta")


def test_all_tensors_of_a_batch_are_sent() -> None:
    batch = sent_batch(collate([(torch.tensor([5]), torch.tensor([1, 2]))], end=9), ELSEWHERE)
    values = [getattr(batch, field.name) for field in fields(batch)]
    tensors = [value for value in values if isinstance(value, Tensor)]
    assert len(tensors) == 5 and None in values
    assert all(tensor.device == ELSEWHERE for tensor in tensors)


def test_a_tensor_that_is_there_stays() -> None:
    tensor = torch.zeros(2)
    assert sent(tensor, torch.device("cpu")) is tensor


def test_a_network_is_where_its_parameters_are() -> None:
    assert device_of(nn.Linear(1, 1, device=ELSEWHERE)) == ELSEWHERE
