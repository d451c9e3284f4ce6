"""What the velocity network of flow matching reads: time, text, positions and mels as vectors.

References: Chen et al., "F5-TTS", arXiv 2410.06885 (text embedding by ConvNeXt V2, input by
concatenation). Frames of the acoustic encoder stand where characters stood.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

SINUSOID_SIZE = 256
TIME_SCALE = 1000.0
ROTARY_THETA = 10000.0
MAX_POSITIONS = 4096


@dataclass(frozen=True, slots=True)
class DitConfig:
    """Sizes of the transformer."""

    mels: int = 100
    text_channels: int = 512
    channels: int = 1024
    depth: int = 22
    heads: int = 16
    ff_factor: int = 2
    text_blocks: int = 4


class TimestepEmbedding(nn.Module):
    """A number in [0, 1] as a vector."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.time_mlp = nn.Sequential(
            nn.Linear(SINUSOID_SIZE, channels), nn.SiLU(), nn.Linear(channels, channels)
        )

    def forward(self, time: Tensor) -> Tensor:
        """Return [B, C] of `time` [B]."""
        half = SINUSOID_SIZE // 2
        steps = torch.arange(half, device=time.device, dtype=torch.float32)
        frequencies = torch.exp(steps * -(math.log(10000.0) / (half - 1)))
        angles = TIME_SCALE * time.float().unsqueeze(1) * frequencies
        waves = torch.cat((angles.sin(), angles.cos()), dim=1)
        return cast(Tensor, self.time_mlp(waves.to(time.dtype)))


class ResponseNorm(nn.Module):
    """Global response normalization: channels compete by their energy over time.

    Padding takes part, so a batch of unequal lengths differs from its rows alone.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.gamma = nn.Parameter(torch.zeros(1, 1, channels))
        self.beta = nn.Parameter(torch.zeros(1, 1, channels))

    def forward(self, x: Tensor) -> Tensor:
        """Return [B, T, C] of `x` [B, T, C]."""
        energy = torch.norm(x, p=2, dim=1, keepdim=True)
        share = energy / (energy.mean(dim=-1, keepdim=True) + 1e-6)
        return self.gamma * (x * share) + self.beta + x


class ConvNextBlock(nn.Module):
    """A depthwise convolution and a two-layer network, with a residual."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.dwconv = nn.Conv1d(channels, channels, 7, padding=3, groups=channels)
        self.norm = nn.LayerNorm(channels, eps=1e-6)
        self.pwconv1 = nn.Linear(channels, channels * 2)
        self.grn = ResponseNorm(channels * 2)
        self.pwconv2 = nn.Linear(channels * 2, channels)

    def forward(self, x: Tensor) -> Tensor:
        """Return [B, T, C] of `x` [B, T, C]."""
        y = self.norm(self.dwconv(x.mT).mT)
        return x + cast(Tensor, self.pwconv2(self.grn(F.gelu(self.pwconv1(y)))))


class TextEmbedding(nn.Module):
    """Acoustic features with their positions."""

    def __init__(self, config: DitConfig) -> None:
        super().__init__()
        channels = config.text_channels
        self.text_blocks = nn.Sequential(
            *(ConvNextBlock(channels) for _ in range(config.text_blocks))
        )

    def forward(self, features: Tensor) -> Tensor:
        """Return [B, T, C] of `features` [B, T, C]."""
        length, channels = features.shape[1:]
        table = _position_table(length, channels, features.device).to(features.dtype)
        return cast(Tensor, self.text_blocks(features + table))


class ConvPositionEmbedding(nn.Module):
    """Relative positions from two grouped convolutions."""

    def __init__(self, channels: int, kernel: int = 31, groups: int = 16) -> None:
        super().__init__()
        pad = kernel // 2
        self.conv1d = nn.Sequential(
            nn.Conv1d(channels, channels, kernel, padding=pad, groups=groups),
            nn.Mish(),
            nn.Conv1d(channels, channels, kernel, padding=pad, groups=groups),
            nn.Mish(),
        )

    def forward(self, x: Tensor, inside: Tensor | None = None) -> Tensor:
        """Return [B, T, C] of `x` [B, T, C]; zeros stand where `inside` [B, T, 1] is 0."""
        if inside is None:
            return cast(Tensor, self.conv1d(x.mT)).mT
        for convolution, activation in itertools.batched(self.conv1d, 2):
            x = activation(convolution((x * inside).mT)).mT
        return x


class InputEmbedding(nn.Module):
    """Joins the noisy mel, the prompt mel and the text of every frame."""

    def __init__(self, config: DitConfig) -> None:
        super().__init__()
        self.proj = nn.Linear(config.mels * 2 + config.text_channels, config.channels)
        self.conv_pos_embed = ConvPositionEmbedding(config.channels)

    def forward(
        self, mel: Tensor, prompt: Tensor, text: Tensor, inside: Tensor | None = None
    ) -> Tensor:
        """Return [B, T, C] of mels [B, T, M] and text [B, T, D]."""
        x = self.proj(torch.cat((mel, prompt, text), dim=-1))
        return cast(Tensor, self.conv_pos_embed(x, inside) + x)


class RotaryEmbedding(nn.Module):
    """Rotation of channel pairs by position; `inv_freq` is part of released checkpoints."""

    inv_freq: Tensor

    def __init__(self, size: int) -> None:
        super().__init__()
        exponents = torch.arange(0, size, 2).float() / size
        self.register_buffer("inv_freq", 1.0 / ROTARY_THETA**exponents)

    def forward(self, length: int) -> tuple[Tensor, Tensor]:
        """Return cosine and sine, each [T, size], every value twice in a row."""
        positions = torch.arange(length, device=self.inv_freq.device, dtype=torch.float32)
        angles = torch.outer(positions, self.inv_freq.float()).repeat_interleave(2, dim=-1)
        return angles.cos(), angles.sin()


def _position_table(length: int, channels: int, device: torch.device) -> Tensor:
    """Return [T, C]: cosines, then sines; positions past the last known one repeat it."""
    positions = torch.arange(length, device=device).clamp(max=MAX_POSITIONS - 1)
    exponents = torch.arange(0, channels, 2, device=device).float() / channels
    angles = torch.outer(positions.float(), 1.0 / ROTARY_THETA**exponents)
    return torch.cat((angles.cos(), angles.sin()), dim=-1)
