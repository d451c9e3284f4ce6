"""Speaker embeddings by ERes2NetV2, up to its last feature map.

Reference: Chen et al., "ERes2NetV2: Boosting Short-Duration Speaker Verification Performance
with Computational Efficiency", arXiv 2406.02167.

Differs from the paper: the acoustic decoders read the time mean of the last map (2048 channels
by 10 frequencies), not the pooled and projected 192-dimensional vector, so the pooling and the
projection of the released checkpoint are left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

BASE_WIDTH = 24  # width of a split, per 64 channels
SCALE = 4  # splits of a block
EXPANSION = 4
REDUCTION = 4


@dataclass(frozen=True, slots=True)
class SpeakerEncoderConfig:
    """Sizes of the encoder; the defaults are those of the released one.

    `blocks` counts the residual blocks of the four stages; `channels` is the first one's width.
    """

    channels: int = 64
    blocks: tuple[int, int, int, int] = (3, 4, 6, 3)

    @property
    def embedding_size(self) -> int:
        """Values in an embedding: the last map's channels at 10 frequencies, 20480 as released."""
        return self.channels * 8 * EXPANSION * 10


class AttentionalFusion(nn.Module):
    """Weighs two maps of one shape against each other, per channel and place."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        inner = channels // REDUCTION
        self.local_att = nn.Sequential(
            nn.Conv2d(channels * 2, inner, 1),
            nn.BatchNorm2d(inner),
            nn.SiLU(),
            nn.Conv2d(inner, channels, 1),
            nn.BatchNorm2d(channels),
        )

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """Return the fusion of two maps [B, C, H, T]."""
        weight = 1.0 + torch.tanh(self.local_att(torch.cat((x, y), dim=1)))
        return x * weight + y * (2.0 - weight)


class Res2Block(nn.Module):
    """A residual block whose channels are split; each split also sees the one before it.

    Args:
        fused: the splits meet by `AttentionalFusion`, not by addition.
    """

    def __init__(self, in_channels: int, planes: int, stride: int, fused: bool) -> None:
        super().__init__()
        self.width = planes * BASE_WIDTH // 64
        inner, out_channels = self.width * SCALE, planes * EXPANSION
        self.conv1 = nn.Conv2d(in_channels, inner, 1, stride, bias=False)
        self.bn1 = nn.BatchNorm2d(inner)
        self.convs = nn.ModuleList(
            nn.Conv2d(self.width, self.width, 3, padding=1, bias=False) for _ in range(SCALE)
        )
        self.bns = nn.ModuleList(nn.BatchNorm2d(self.width) for _ in range(SCALE))
        self.fuse_models = nn.ModuleList(
            AttentionalFusion(self.width) for _ in range(SCALE - 1 if fused else 0)
        )
        self.conv3 = nn.Conv2d(inner, out_channels, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(out_channels)
        self.shortcut = _shortcut(in_channels, out_channels, stride)

    def forward(self, x: Tensor) -> Tensor:
        """Return [B, planes * 4, H / stride, T / stride] of [B, in_channels, H, T]."""
        splits = _clip(self.bn1(self.conv1(x))).chunk(SCALE, dim=1)
        outputs: list[Tensor] = []
        for i, split in enumerate(splits):
            entering = self._meet(i, outputs[-1], split) if outputs else split
            outputs.append(_clip(self.bns[i](self.convs[i](entering))))
        merged = self.bn3(self.conv3(torch.cat(outputs, dim=1)))
        return _clip(merged + self.shortcut(x))

    def _meet(self, i: int, previous: Tensor, split: Tensor) -> Tensor:
        if not self.fuse_models:
            return previous + split
        return cast(Tensor, self.fuse_models[i - 1](previous, split))


class SpeakerEncoder(nn.Module):
    """ERes2NetV2 (width 24, scale 4) without its pooling."""

    def __init__(self, config: SpeakerEncoderConfig | None = None) -> None:
        super().__init__()
        self.config = config or SpeakerEncoderConfig()
        c, blocks = self.config.channels, self.config.blocks
        e = c * EXPANSION
        self.conv1 = nn.Conv2d(1, c, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(c)
        self.layer1 = _stage(c, c, blocks[0], stride=1, fused=False)
        self.layer2 = _stage(e, c * 2, blocks[1], stride=2, fused=False)
        self.layer3 = _stage(e * 2, c * 4, blocks[2], stride=2, fused=True)
        self.layer4 = _stage(e * 4, c * 8, blocks[3], stride=2, fused=True)
        self.layer3_ds = nn.Conv2d(e * 4, e * 8, 3, stride=2, padding=1, bias=False)
        self.fuse34 = AttentionalFusion(e * 8)

    def forward(self, features: Tensor) -> Tensor:
        """Return speaker_embedding [B, 20480] of Kaldi filter banks [B, F, 80]."""
        x = F.relu(self.bn1(self.conv1(features.mT.unsqueeze(1))))  # [B, 64, 80, F]
        third = self.layer3(self.layer2(self.layer1(x)))
        last = self.fuse34(self.layer4(third), self.layer3_ds(third))  # [B, 2048, 10, F / 8]
        return cast(Tensor, last.flatten(1, 2).mean(-1))


def select_speaker_weights(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the part of a released state dict that `SpeakerEncoder` loads strictly."""
    return {k: v for k, v in state.items() if not k.startswith(("pool.", "seg_1.", "seg_bn_1."))}


def _stage(in_channels: int, planes: int, blocks: int, *, stride: int, fused: bool) -> nn.Module:
    first = Res2Block(in_channels, planes, stride, fused)
    rest = [Res2Block(planes * EXPANSION, planes, 1, fused) for _ in range(blocks - 1)]
    return nn.Sequential(first, *rest)


def _shortcut(in_channels: int, out_channels: int, stride: int) -> nn.Module:
    if stride == 1 and in_channels == out_channels:
        return nn.Sequential()
    projection = nn.Conv2d(in_channels, out_channels, 1, stride, bias=False)
    return nn.Sequential(projection, nn.BatchNorm2d(out_channels))


def _clip(x: Tensor) -> Tensor:
    """The rectifier inside the blocks, with a ceiling."""
    return F.hardtanh(x, 0.0, 20.0)
