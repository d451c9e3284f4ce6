"""A prior encoder whose weights are packed, for a CPU; see `prior_kernel`."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from engine.models.kernel_threads import share
from engine.models.packed_encoder import PackedEncoder, pack_encoder
from engine.models.packed_layers import projection, weights_of
from engine.models.packed_text_attention import PackedTextAttention, pack_text_attention
from engine.models.prior_encoder import PriorEncoder
from engine.models.prior_kernel import encoding_prior
from engine.models.tile_kernel import LANES


def pack_prior(prior: PriorEncoder) -> None:
    """Let `prior`, which is on a CPU and trains no more, run compiled for single sentences.

    One of whose parts does not fill whole panels runs part by part.
    """
    for encoder in (prior.encoder_text, prior.encoder_ssl, prior.encoder2):
        pack_encoder(encoder)
    pack_text_attention(prior.mrte)
    first, to_text, second = prior.encoder_ssl.packed, prior.mrte.packed, prior.encoder2.packed
    if (
        isinstance(first, PackedEncoder)
        and isinstance(to_text, PackedTextAttention)
        and isinstance(second, PackedEncoder)
        and prior.proj.out_channels % LANES == 0
    ):
        prior.packed = PackedPrior(prior, first, to_text, second)


class PackedPrior:
    """The prior of frames without padding, from packed parts."""

    def __init__(
        self,
        prior: PriorEncoder,
        first: PackedEncoder,
        to_text: PackedTextAttention,
        second: PackedEncoder,
    ) -> None:
        self._first, self._to_text, self._second = first, to_text, second
        self._to_content = projection([weights_of(prior.ssl_proj)])
        self._to_prior = projection([weights_of(prior.proj)])

    def __call__(self, content: Tensor, text: Tensor, style: Tensor) -> tuple[Tensor, Tensor]:
        """Content [1, D, T], text [1, C, N], style [1, width, 1] -> [1, C, T] and [1, 2 C', T].

        What is projected to mean and log deviation, and both of them.
        """
        rows = content[0].T.contiguous().numpy()
        first, to_text, second = self._first, self._to_text, self._second
        weights = (
            self._to_content, first.weights, to_text.projections(style), second.weights,
            self._to_prior,
        )  # fmt: skip
        length, after = len(rows), second.room(len(rows))
        rooms = first.room(length), to_text.room(length), after
        out = np.empty((length, self._to_prior.bias.shape[1]), np.float32)
        read = to_text.read(text)
        share(encoding_prior(), first.matrix_bytes, weights, rooms, rows, read, out)
        return torch.from_numpy(second.inside(after)).T[None], torch.from_numpy(out).T[None]
