"""A VITS encoder whose weights are packed, for a CPU; see `encoder_kernel`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import cast

import numpy as np
import torch
from torch import Tensor, nn

from engine.models.attention import ChannelNorm, ConvFeedForward, Encoder, MultiHeadAttention
from engine.models.encoder_kernel import EncoderRoom, EncoderWeights, encoding
from engine.models.kernel_parts import Norm, Numbers
from engine.models.kernel_threads import share
from engine.models.packed_layers import Layer, joined, numbers, projection, scaled, weights_of
from engine.models.panels import padded
from engine.models.tile_kernel import LANES


def pack_encoder(encoder: Encoder) -> None:
    """Let `encoder`, which is on a CPU and trains no more, run compiled for single sentences.

    One whose heads or layers do not fill whole panels stays what it is.
    """
    attentions = cast(list[MultiHeadAttention], list(encoder.attn_layers))
    head_width = attentions[0].conv_q.in_channels // attentions[0].n_heads
    inner = cast(ConvFeedForward, encoder.ffn_layers[0]).conv_1.out_channels
    if head_width % LANES == 0 and inner % LANES == 0:
        encoder.packed = PackedEncoder(encoder)


class PackedEncoder:
    """The layers of an encoder over frames without padding."""

    def __init__(self, encoder: Encoder) -> None:
        attentions = cast(list[MultiHeadAttention], list(encoder.attn_layers))
        feeds = cast(list[ConvFeedForward], list(encoder.ffn_layers))
        self._heads, self._reach = attentions[0].n_heads, feeds[0].conv_1.kernel_size[0] // 2
        self.weights = EncoderWeights(
            projection([_in_projection(each) for each in attentions]),
            np.stack([numbers(each.emb_rel_k[0]) for each in attentions]),
            np.stack([numbers(each.emb_rel_v[0]) for each in attentions]),
            projection([weights_of(each.conv_o) for each in attentions]),
            _norms(encoder.norm_layers_1),
            projection([weights_of(each.conv_1) for each in feeds]),
            projection([weights_of(each.conv_2) for each in feeds]),
            _norms(encoder.norm_layers_2),
        )

    def __call__(self, x: Tensor) -> Tensor:
        """Frames [1, C, T] -> [1, C, T]."""
        room = self.room(x.shape[2])
        inside = self.inside(room)
        inside[:] = x[0].T.numpy()
        share(encoding(), self.matrix_bytes, self.weights, room)
        return torch.from_numpy(inside).T[None]

    @property
    def matrix_bytes(self) -> int:
        """Of its largest matrix."""
        return self.weights.first.weight[0].nbytes

    def room(self, length: int) -> EncoderRoom:
        """Room for so many frames."""
        reach, w = self._reach, self.weights
        width = w.norm1.gain.shape[1]
        panels, head_width = padded(length) // LANES, width // self._heads
        return EncoderRoom(
            np.zeros((length + 2 * reach, width), np.float32),
            np.empty((length, w.in_proj.bias.shape[1]), np.float32),
            np.empty((self._heads * panels, head_width, LANES), np.float32),
            np.empty((length, width), np.float32),
            np.zeros((length + 2 * reach, w.first.bias.shape[1]), np.float32),
            np.empty((length, width), np.float32),
        )

    def inside(self, room: EncoderRoom) -> Numbers:
        """Where a room has the frames [T, C]."""
        return room.x[self._reach : len(room.x) - self._reach]


def _in_projection(attention: MultiHeadAttention) -> Layer:
    """Queries, for scores that need no scale, keys and values."""
    queries = scaled(weights_of(attention.conv_q), attention.query_scale)
    return joined(queries, weights_of(attention.conv_k), weights_of(attention.conv_v))


def _norms(norms: Iterable[nn.Module]) -> Norm:
    layers = cast(list[ChannelNorm], list(norms))
    gains = np.stack([numbers(each.gamma) for each in layers])
    return Norm(gains, np.stack([numbers(each.beta) for each in layers]))
