"""Layers of networks as compiled kernels read them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from engine.models.panels import Projection, padded, panels_of
from engine.models.weight_norm import weight_of

Layer = tuple[Tensor, Tensor]  # weight [out, in, taps] and bias [out], float32


def projection(layers: Sequence[Layer]) -> Projection:
    """Weights [out, in, taps] and biases [out] of some layers."""
    weights = [weight.mT.reshape(len(weight), -1) for weight, _ in layers]
    return with_biases(panels_of(weights), [bias for _, bias in layers])


def with_biases(panels: NDArray[np.float32], biases: Sequence[Tensor]) -> Projection:
    """Panels and the biases [out] of their layers, without scales."""
    filled = np.zeros((len(biases), padded(len(biases[0]))), np.float32)
    for row, bias in zip(filled, biases, strict=True):
        row[: len(bias)] = bias.numpy()
    return Projection(panels, np.ones_like(filled), filled)


def weights_of(conv: nn.Module) -> Layer:
    """Of a convolution, under weight norm or not; without a bias it is 0."""
    plain = cast(nn.Conv1d, conv)
    weight = weight_of(plain).detach().float()
    bias = weight.new_zeros(len(weight)) if plain.bias is None else plain.bias.detach().float()
    return weight, bias


def joined(*layers: Layer) -> Layer:
    """The outputs of several layers side by side."""
    weights, biases = zip(*layers, strict=True)
    return torch.cat(weights), torch.cat(biases)


def followed(first: Layer, second: Layer) -> Layer:
    """A layer, and one of a single tap after it, as one."""
    (weight, bias), matrix = (each.double() for each in first), second[0][:, :, 0].double()
    return torch.einsum("om,mik->oik", matrix, weight).float(), (matrix @ bias).float() + second[1]


def scaled(layer: Layer, factor: float) -> Layer:
    """A layer whose outputs are multiplied."""
    return layer[0] * factor, layer[1] * factor


def numbers(tensor: Tensor) -> NDArray[np.float32]:
    """A parameter as an array."""
    return cast(NDArray[np.float32], tensor.detach().float().contiguous().numpy())
