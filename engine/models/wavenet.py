"""The non-causal WaveNet that the flow and the posterior encoder are made of.

Reference: Prenger, Valle and Catanzaro, "WaveGlow", arXiv:1811.00002, section 2.2.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from engine.models.weight_norm import NormedConv1d


class WaveNet(nn.Module):
    """Gated dilated convolutions with residual and skip paths, conditioned on a style."""

    def __init__(
        self, channels: int, kernel_size: int, n_layers: int, gin_channels: int, dilation: int = 1
    ) -> None:
        super().__init__()
        self.channels = channels
        self.cond_layer = NormedConv1d(gin_channels, 2 * channels * n_layers, 1)
        self.in_layers = nn.ModuleList()
        self.res_skip_layers = nn.ModuleList()
        for i in range(n_layers):
            d = dilation**i
            pad = (kernel_size - 1) * d // 2
            self.in_layers.append(
                NormedConv1d(channels, 2 * channels, kernel_size, dilation=d, padding=pad)
            )
            last = i == n_layers - 1
            self.res_skip_layers.append(NormedConv1d(channels, channels * (1 if last else 2), 1))

    def forward(self, x: Tensor, mask: Tensor, style_embedding: Tensor) -> Tensor:
        """[B, C, T], mask [B, 1, T], style [B, gin, 1 or T] -> [B, C, T]."""
        conditions = self.cond_layer(style_embedding).chunk(len(self.in_layers), dim=1)
        skipped = torch.zeros_like(x)
        for condition, in_layer, res_skip in zip(
            conditions, self.in_layers, self.res_skip_layers, strict=True
        ):
            left, right = (in_layer(x) + condition).chunk(2, dim=1)
            out = res_skip(torch.tanh(left) * torch.sigmoid(right))
            if out.shape[1] == self.channels:  # the last layer has no residual
                return (skipped + out) * mask
            residual, skip = out.chunk(2, dim=1)
            x = (x + residual) * mask
            skipped = skipped + skip
        return skipped * mask
