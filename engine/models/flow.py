"""The normalizing flow between the prior's and the posterior's latents.

Reference: Kim, Kong and Son, "VITS", arXiv:2106.06103, section 2.2.2.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from engine.models.masks import is_alone
from engine.models.wavenet import WaveNet


class CouplingLayer(nn.Module):
    """Shifts one half of the channels by a function of the other half (mean only)."""

    def __init__(self, channels: int, hidden: int, gin_channels: int, kernel_size: int = 5):
        super().__init__()
        half = channels // 2
        self.pre = nn.Conv1d(half, hidden, 1)
        self.enc = WaveNet(hidden, kernel_size, 4, gin_channels)
        self.post = nn.Conv1d(hidden, half, 1)
        for parameter in self.post.parameters():
            nn.init.zeros_(parameter)  # the flow begins as the identity

    def shift(self, x0: Tensor, mask: Tensor, style_embedding: Tensor) -> Tensor:
        """[B, C/2, T] -> the other half's shift [B, C/2, T]."""
        h = self.enc(self.pre(x0) * mask, mask, style_embedding)
        return self.post(h) * mask

    def forward(self, x: Tensor, mask: Tensor, style_embedding: Tensor, sign: int) -> Tensor:
        """[B, C, T] -> [B, C, T]; `sign` 1 towards the prior, -1 back."""
        x0, x1 = x.chunk(2, dim=1)
        shift = self.shift(x0, mask, style_embedding)
        # the sum is masked in one direction and the difference in the other: both end masked
        x1 = shift + x1 * mask if sign > 0 else (x1 - shift) * mask
        return torch.cat([x0, x1], dim=1)


class Flip(nn.Module):
    """Reverses the channels, so that every half gets its turn. Its own inverse."""

    def forward(self, x: Tensor) -> Tensor:
        """[B, C, T] -> [B, C, T]."""
        return x.flip(1)


class Flow(nn.Module):
    """Four coupling layers, each followed by a flip.

    The list holds couplings at even and flips at odd places, as the checkpoints' keys count.
    `packed` undoes single sentences [1, C, T] where the weights are packed.
    """

    def __init__(self, channels: int, hidden: int, gin_channels: int, n_flows: int = 4) -> None:
        super().__init__()
        self.flows = nn.ModuleList()
        for _ in range(n_flows):
            self.flows.append(CouplingLayer(channels, hidden, gin_channels))
            self.flows.append(Flip())
        self.packed: Callable[[Tensor, Tensor, int], Tensor] | None = None

    def forward(self, z: Tensor, mask: Tensor, style_embedding: Tensor) -> Tensor:
        """Latents of the posterior -> of the prior, [B, C, T]."""
        for layer in self.flows:
            coupling = isinstance(layer, CouplingLayer)
            z = layer(z, mask, style_embedding, 1) if coupling else layer(z)
        return z

    def reverse(self, z_p: Tensor, mask: Tensor, style_embedding: Tensor, ahead: int = 0) -> Tensor:
        """Latents of the prior -> of the posterior, [B, C, T].

        The first frames, so many as are `ahead`, are there only for others to look at: what comes
        of them means nothing.
        """
        if self.packed is not None and is_alone(mask):
            return self.packed(z_p, style_embedding, ahead)
        for layer in reversed(self.flows):
            coupling = isinstance(layer, CouplingLayer)
            z_p = layer(z_p, mask, style_embedding, -1) if coupling else layer(z_p)
        return z_p
