"""Content features of speech: HuBERT's last hidden layer.

Reference: Hsu et al., "HuBERT: Self-Supervised Speech Representation Learning by Masked
Prediction of Hidden Units", arXiv 2106.07447.

The layers are those of `transformers.HubertModel` and so are the state-dict keys; its masking
and its output objects are left out. Released files that name the positional convolution's
weights `weight_g` and `weight_v` load as they are.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import torch
from torch import Tensor, nn
from transformers import HubertConfig, HubertModel

SAMPLE_RATE_HZ = 16000
HOP_SAMPLES = 320


class ContentEncoder(nn.Module):
    """HuBERT without a head.

    Args:
        config: fields of `transformers.HubertConfig`; what is left out is HuBERT base
            (12 layers of 768). A strictly smaller network is made by the same fields.
    """

    def __init__(self, config: Mapping[str, Any]) -> None:
        super().__init__()
        hubert = HubertModel(HubertConfig(**config))
        self.config = dict(config)
        self.feature_extractor = hubert.feature_extractor
        self.feature_projection = hubert.feature_projection
        self.encoder = hubert.encoder
        # Only masked pre-training reads it; it is part of every released checkpoint.
        self.masked_spec_embed = nn.Parameter(torch.zeros(hubert.config.hidden_size))

    def forward(self, wave: Tensor) -> Tensor:
        """Return hubert_features [B, D, F] of `wave` [B, T] at 16 kHz.

        F = (T - 400) // 320 + 1, 50 a second, with the official strides. The wave is taken as
        it is, without normalization to zero mean and unit variance.
        """
        frames = self.feature_extractor(wave).transpose(1, 2)  # [B, F, C]
        hidden = self.feature_projection(frames)
        features = cast(Tensor, self.encoder(hidden).last_hidden_state)
        return features.transpose(1, 2)
