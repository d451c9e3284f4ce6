"""Content features of speech: HuBERT's last hidden layer.

Reference: Hsu et al., "HuBERT: Self-Supervised Speech Representation Learning by Masked
Prediction of Hidden Units", arXiv 2106.07447; the layers are those of wav2vec 2.0 (Baevski et
al., arXiv 2006.11477).

State-dict keys and the names of sizes are those of `transformers.HubertModel`, whose import takes
longer than loading every network of a bundle. Released files that name the positional
convolution's weights `weight_g` and `weight_v` load as they are.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.parametrizations import weight_norm

from engine.errors import BundleError

SAMPLE_RATE_HZ = 16000
HOP_SAMPLES = 320
INITIAL_DEVIATION = 0.02


@dataclass(frozen=True, slots=True)
class HubertSizes:
    """Sizes by the names that `transformers.HubertConfig` gives them; the defaults are the base's.

    Only the base's make is built: a group norm after the first convolution, norms behind the
    residuals, exact GELUs.
    """

    hidden_size: int = 768
    num_hidden_layers: int = 12
    num_attention_heads: int = 12
    intermediate_size: int = 3072
    layer_norm_eps: float = 1e-5
    conv_dim: tuple[int, ...] = (512,) * 7
    conv_kernel: tuple[int, ...] = (10, 3, 3, 3, 3, 2, 2)
    conv_stride: tuple[int, ...] = (5, 2, 2, 2, 2, 2, 2)
    conv_bias: bool = False
    num_conv_pos_embeddings: int = 128
    num_conv_pos_embedding_groups: int = 16
    hidden_dropout: float = 0.1
    attention_dropout: float = 0.1
    activation_dropout: float = 0.1
    feat_proj_dropout: float = 0.0
    layerdrop: float = 0.1
    hidden_act: str = "gelu"
    feat_extract_activation: str = "gelu"
    feat_extract_norm: str = "group"
    do_stable_layer_norm: bool = False

    def __post_init__(self) -> None:
        make = (self.hidden_act, self.feat_extract_activation, self.feat_extract_norm)
        if make != ("gelu", "gelu", "group") or self.do_stable_layer_norm:
            raise BundleError(f"the content encoder is of another make than HuBERT base: {self}")

    @classmethod
    def read(cls, config: Mapping[str, Any]) -> HubertSizes:
        """Of `config`; what is left out is HuBERT base.

        Raises:
            BundleError: it has an unknown field, or describes another make.
        """
        unknown = config.keys() - {field.name for field in fields(cls)}
        if unknown:
            raise BundleError(f"a content encoder has no field {', '.join(sorted(unknown))}")
        return cls(**config)


class ContentEncoder(nn.Module):
    """HuBERT without a head.

    Args:
        config: see `HubertSizes`. A strictly smaller network is made by the same fields.
    """

    def __init__(self, config: Mapping[str, Any]) -> None:
        super().__init__()
        self.config = dict(config)
        sizes = HubertSizes.read(config)
        self.feature_extractor = _FeatureExtractor(sizes)
        self.feature_projection = _FeatureProjection(sizes)
        self.encoder = _Encoder(sizes)
        # Only masked pre-training reads it; it is part of every released checkpoint.
        self.masked_spec_embed = nn.Parameter(torch.zeros(sizes.hidden_size))
        self.apply(_initialize)

    def forward(self, wave: Tensor) -> Tensor:
        """Return hubert_features [B, D, F] of `wave` [B, T] at 16 kHz.

        F = (T - 400) // 320 + 1, 50 a second, with the official strides. The wave is taken as
        it is, without normalization to zero mean and unit variance.
        """
        frames = self.feature_extractor(wave[:, None]).mT  # [B, F, C]
        return cast(Tensor, self.encoder(self.feature_projection(frames))).mT


class _ConvLayer(nn.Module):
    def __init__(self, sizes: HubertSizes, index: int) -> None:
        super().__init__()
        channels = sizes.conv_dim[index]
        self.conv = nn.Conv1d(
            sizes.conv_dim[index - 1] if index else 1,
            channels,
            sizes.conv_kernel[index],
            stride=sizes.conv_stride[index],
            bias=sizes.conv_bias,
        )
        self.layer_norm = nn.Identity() if index else nn.GroupNorm(channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        """[B, C, T] -> [B, C', T // stride]."""
        return F.gelu(self.layer_norm(self.conv(x)))


class _FeatureExtractor(nn.Module):
    def __init__(self, sizes: HubertSizes) -> None:
        super().__init__()
        self.conv_layers = nn.Sequential(
            *(_ConvLayer(sizes, index) for index in range(len(sizes.conv_dim)))
        )

    def forward(self, wave: Tensor) -> Tensor:
        """[B, 1, T] -> [B, C, F]."""
        return cast(Tensor, self.conv_layers(wave))


class _FeatureProjection(nn.Module):
    def __init__(self, sizes: HubertSizes) -> None:
        super().__init__()
        self.layer_norm = nn.LayerNorm(sizes.conv_dim[-1], eps=sizes.layer_norm_eps)
        self.projection = nn.Linear(sizes.conv_dim[-1], sizes.hidden_size)
        self.dropout = nn.Dropout(sizes.feat_proj_dropout)

    def forward(self, frames: Tensor) -> Tensor:
        """[B, F, C] -> [B, F, D]."""
        return cast(Tensor, self.dropout(self.projection(self.layer_norm(frames))))


class _PositionalConv(nn.Module):
    """Relative positions by one wide grouped convolution."""

    def __init__(self, sizes: HubertSizes) -> None:
        super().__init__()
        width, groups = sizes.num_conv_pos_embeddings, sizes.num_conv_pos_embedding_groups
        conv = nn.Conv1d(
            sizes.hidden_size, sizes.hidden_size, width, padding=width // 2, groups=groups
        )
        self.conv = weight_norm(conv, dim=2)

    def forward(self, x: Tensor) -> Tensor:
        """[B, F, D] -> [B, F, D]; an even width makes one frame too many."""
        return F.gelu(self.conv(x.mT)[..., : x.shape[1]]).mT


class _Attention(nn.Module):
    def __init__(self, sizes: HubertSizes) -> None:
        super().__init__()
        width = sizes.hidden_size
        self.heads, self.dropout = sizes.num_attention_heads, sizes.attention_dropout
        self.k_proj, self.v_proj = nn.Linear(width, width), nn.Linear(width, width)
        self.q_proj, self.out_proj = nn.Linear(width, width), nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        """[B, F, D] -> [B, F, D]."""
        projected = (self.q_proj(x), self.k_proj(x), self.v_proj(x))
        query, key, value = (y.unflatten(2, (self.heads, -1)).transpose(1, 2) for y in projected)
        dropout = self.dropout if self.training else 0.0
        mixed = F.scaled_dot_product_attention(query, key, value, dropout_p=dropout)
        return cast(Tensor, self.out_proj(mixed.transpose(1, 2).flatten(2)))


class _FeedForward(nn.Module):
    def __init__(self, sizes: HubertSizes) -> None:
        super().__init__()
        self.intermediate_dense = nn.Linear(sizes.hidden_size, sizes.intermediate_size)
        self.intermediate_dropout = nn.Dropout(sizes.activation_dropout)
        self.output_dense = nn.Linear(sizes.intermediate_size, sizes.hidden_size)
        self.output_dropout = nn.Dropout(sizes.hidden_dropout)

    def forward(self, x: Tensor) -> Tensor:
        """[B, F, D] -> [B, F, D]."""
        hidden = self.intermediate_dropout(F.gelu(self.intermediate_dense(x)))
        return cast(Tensor, self.output_dropout(self.output_dense(hidden)))


class _Layer(nn.Module):
    def __init__(self, sizes: HubertSizes) -> None:
        super().__init__()
        self.attention = _Attention(sizes)
        self.dropout = nn.Dropout(sizes.hidden_dropout)
        self.layer_norm = nn.LayerNorm(sizes.hidden_size, eps=sizes.layer_norm_eps)
        self.feed_forward = _FeedForward(sizes)
        self.final_layer_norm = nn.LayerNorm(sizes.hidden_size, eps=sizes.layer_norm_eps)

    def forward(self, x: Tensor) -> Tensor:
        """[B, F, D] -> [B, F, D]."""
        x = self.layer_norm(x + self.dropout(self.attention(x)))
        return cast(Tensor, self.final_layer_norm(x + self.feed_forward(x)))


class _Encoder(nn.Module):
    def __init__(self, sizes: HubertSizes) -> None:
        super().__init__()
        self.layerdrop = sizes.layerdrop
        self.pos_conv_embed = _PositionalConv(sizes)
        self.layer_norm = nn.LayerNorm(sizes.hidden_size, eps=sizes.layer_norm_eps)
        self.dropout = nn.Dropout(sizes.hidden_dropout)
        self.layers = nn.ModuleList(_Layer(sizes) for _ in range(sizes.num_hidden_layers))

    def forward(self, x: Tensor) -> Tensor:
        """[B, F, D] -> [B, F, D]; in training, whole layers are dropped at random."""
        x = self.dropout(self.layer_norm(x + self.pos_conv_embed(x)))
        for layer in self.layers:
            if self.training and self.layerdrop and float(torch.rand(())) < self.layerdrop:
                continue
            x = layer(x)
        return x


def _initialize(module: nn.Module) -> None:
    """Begin as HuBERT's own training does."""
    if isinstance(module, nn.Linear):
        nn.init.normal_(module.weight, std=INITIAL_DEVIATION)
        nn.init.zeros_(module.bias)
    elif isinstance(module, nn.Conv1d) and not hasattr(module, "parametrizations"):
        nn.init.kaiming_normal_(module.weight)
