"""The posterior: a spectrogram's latents, used in training only.

Reference: Kim, Kong and Son, "VITS", arXiv:2106.06103, section 2.5.2.
"""

from __future__ import annotations

from torch import Tensor, nn

from engine.models.wavenet import WaveNet


class PosteriorEncoder(nn.Module):
    """Linear spectrogram and style -> mean and log deviation of the latents."""

    def __init__(
        self, bins: int, hidden: int, out_channels: int, gin_channels: int, n_layers: int = 16
    ) -> None:
        super().__init__()
        self.pre = nn.Conv1d(bins, hidden, 1)
        self.enc = WaveNet(hidden, 5, n_layers, gin_channels)
        self.proj = nn.Conv1d(hidden, 2 * out_channels, 1)

    def forward(self, spectrogram: Tensor, mask: Tensor, style: Tensor) -> tuple[Tensor, Tensor]:
        """[B, bins, T], [B, 1, T], [B, gin, 1] -> mean and log_std, each [B, C, T]."""
        h = self.enc(self.pre(spectrogram) * mask, mask, style)
        mean, log_std = (self.proj(h) * mask).chunk(2, dim=1)
        return mean, log_std
