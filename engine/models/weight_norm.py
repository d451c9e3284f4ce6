"""Convolutions under weight normalization, with the state-dict keys of released checkpoints.

Reference: Salimans and Kingma, "Weight Normalization", arXiv:1602.07868, section 2.

Differs from `torch.nn.utils.parametrizations.weight_norm`: the parameters keep their older names
`weight_g` and `weight_v`, and `fuse_weight_norm` turns a trained network into plain convolutions.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

Convolution = nn.Conv1d | nn.Conv2d | nn.ConvTranspose1d


class NormedConv1d(nn.Conv1d):
    """`nn.Conv1d` under weight norm; same arguments."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _split_weight(self)

    def forward(self, x: Tensor) -> Tensor:
        """[B, in, T] -> [B, out, T']."""
        return self._conv_forward(x, _whole_weight(self), self.bias)


class NormedConv2d(nn.Conv2d):
    """`nn.Conv2d` under weight norm; same arguments."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _split_weight(self)

    def forward(self, x: Tensor) -> Tensor:
        """[B, in, H, W] -> [B, out, H', W']."""
        return self._conv_forward(x, _whole_weight(self), self.bias)


class NormedConvTranspose1d(nn.ConvTranspose1d):
    """`nn.ConvTranspose1d` under weight norm (a norm per input channel); same arguments."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _split_weight(self)

    def forward(self, x: Tensor, output_size: list[int] | None = None) -> Tensor:
        """[B, in, T] -> [B, out, T * stride]."""
        padding = tuple(int(p) for p in self.padding)
        return F.conv_transpose1d(x, _whole_weight(self), self.bias, self.stride, padding)


def fuse_weight_norm(network: nn.Module) -> None:
    """Replace every normed 1-d convolution inside `network` by its plain equal, for inference."""
    for name, child in network.named_children():
        if isinstance(child, NormedConv1d | NormedConvTranspose1d):
            setattr(network, name, _plain(child))
        else:
            fuse_weight_norm(child)


def weight_of(conv: Convolution) -> Tensor:
    """The weight that `conv` multiplies by, under weight norm or plain."""
    return _whole_weight(conv) if hasattr(conv, "weight_g") else conv.weight


def _split_weight(conv: Convolution) -> None:
    """Replace `weight` by its norm per first dimension and its direction."""
    weight = conv.weight.detach()
    del conv.weight
    conv.weight_g = nn.Parameter(torch.norm_except_dim(weight, 2, 0))
    conv.weight_v = nn.Parameter(weight)


def _whole_weight(conv: Convolution) -> Tensor:
    """The effective weight, g * v / |v|."""
    return torch._weight_norm(conv.get_parameter("weight_v"), conv.get_parameter("weight_g"), 0)


def _plain(conv: NormedConv1d | NormedConvTranspose1d) -> nn.Module:
    kind = nn.Conv1d if isinstance(conv, NormedConv1d) else nn.ConvTranspose1d
    plain = kind(
        conv.in_channels,
        conv.out_channels,
        conv.kernel_size[0],
        conv.stride[0],
        int(conv.padding[0]),
        dilation=conv.dilation[0],
        groups=conv.groups,
        bias=conv.bias is not None,
        device="meta",  # what it would be filled with is replaced at once
    )
    plain.weight = nn.Parameter(_whole_weight(conv).detach())
    plain.bias = conv.bias
    return plain
