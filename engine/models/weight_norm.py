"""Convolutions under weight normalization, with the state-dict keys of released checkpoints.

Reference: Salimans and Kingma, "Weight Normalization", arXiv:1602.07868, section 2.

Differs from `torch.nn.utils.parametrizations.weight_norm`: the parameters keep their older names
`weight_g` and `weight_v`, and `fuse_weight_norm` turns a trained network into plain convolutions.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class _WeightNorm(nn.Module):
    """Keeps `weight_g` (norm per first dimension), `weight_v` (direction) and `bias`."""

    def __init__(self, plain: nn.Conv1d | nn.Conv2d | nn.ConvTranspose1d) -> None:
        super().__init__()
        weight = plain.weight.detach()
        self.weight_v = nn.Parameter(weight.clone())
        self.weight_g = nn.Parameter(torch.norm_except_dim(weight, 2, 0))
        self.bias = plain.bias
        self.stride, self.padding, self.dilation = plain.stride, plain.padding, plain.dilation
        self.groups = plain.groups
        self.shape = {"in_channels": plain.in_channels, "out_channels": plain.out_channels}
        self.kernel_size = plain.kernel_size

    @property
    def weight(self) -> Tensor:
        """The effective weight, g * v / |v|."""
        return torch._weight_norm(self.weight_v, self.weight_g, 0)

    def fused(self) -> nn.Module:
        """Return the plain convolution that computes the same."""
        raise NotImplementedError

    def _filled(self, plain: nn.Conv1d | nn.Conv2d | nn.ConvTranspose1d) -> nn.Module:
        plain.weight = nn.Parameter(self.weight.detach())
        plain.bias = self.bias
        return plain


class NormedConv1d(_WeightNorm):
    """`nn.Conv1d` under weight norm; same arguments."""

    def __init__(self, *args: int, **kwargs: int) -> None:
        super().__init__(nn.Conv1d(*args, **kwargs))  # type: ignore[arg-type]

    def forward(self, x: Tensor) -> Tensor:
        """[B, in, T] -> [B, out, T']."""
        return F.conv1d(
            x, self.weight, self.bias, self.stride, self.padding, self.dilation, self.groups
        )

    def fused(self) -> nn.Module:
        """Return the plain convolution that computes the same."""
        return self._filled(
            nn.Conv1d(
                **self.shape,
                kernel_size=self.kernel_size,
                stride=self.stride,
                padding=self.padding,
                dilation=self.dilation,
                groups=self.groups,
                bias=self.bias is not None,
            )
        )


class NormedConvTranspose1d(_WeightNorm):
    """`nn.ConvTranspose1d` under weight norm (norm per input channel); same arguments."""

    def __init__(self, *args: int, **kwargs: int) -> None:
        super().__init__(nn.ConvTranspose1d(*args, **kwargs))  # type: ignore[arg-type]

    def forward(self, x: Tensor) -> Tensor:
        """[B, in, T] -> [B, out, T * stride]."""
        return F.conv_transpose1d(x, self.weight, self.bias, self.stride, self.padding)

    def fused(self) -> nn.Module:
        """Return the plain convolution that computes the same."""
        return self._filled(
            nn.ConvTranspose1d(
                **self.shape,
                kernel_size=self.kernel_size,
                stride=self.stride,
                padding=self.padding,
                bias=self.bias is not None,
            )
        )


class NormedConv2d(_WeightNorm):
    """`nn.Conv2d` under weight norm; same arguments."""

    def __init__(self, *args: int, **kwargs: int | tuple[int, int]) -> None:
        super().__init__(nn.Conv2d(*args, **kwargs))  # type: ignore[arg-type]

    def forward(self, x: Tensor) -> Tensor:
        """[B, in, H, W] -> [B, out, H', W']."""
        return F.conv2d(
            x, self.weight, self.bias, self.stride, self.padding, self.dilation, self.groups
        )


def fuse_weight_norm(network: nn.Module) -> None:
    """Replace every normed convolution inside `network` by its plain equal, for inference."""
    for name, child in network.named_children():
        if isinstance(child, NormedConv1d | NormedConvTranspose1d):
            setattr(network, name, child.fused())
        else:
            fuse_weight_norm(child)
