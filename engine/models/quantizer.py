"""Content features to semantic tokens and back: one codebook of vectors.

Reference: van den Oord, Vinyals and Kavukcuoglu, "Neural Discrete Representation Learning",
arXiv:1711.00937, section 3; the codebook's keys follow encodec's vector quantizer.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


class _Codebook(nn.Module):
    """The vectors `embed` [K, D] and the statistics that training kept of them."""

    def __init__(self, codes: int, dimension: int) -> None:
        super().__init__()
        self.register_buffer("inited", torch.ones(1))
        self.register_buffer("cluster_size", torch.zeros(codes))
        self.register_buffer("embed", torch.randn(codes, dimension))
        self.register_buffer("embed_avg", torch.zeros(codes, dimension))


class _Layer(nn.Module):
    def __init__(self, codes: int, dimension: int) -> None:
        super().__init__()
        self._codebook = _Codebook(codes, dimension)


class _Layers(nn.Module):
    def __init__(self, codes: int, dimension: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList([_Layer(codes, dimension)])


class Quantizer(nn.Module):
    """Nearest-neighbour lookup in a codebook of `codes` vectors of `dimension` numbers."""

    def __init__(self, codes: int, dimension: int) -> None:
        super().__init__()
        self.vq = _Layers(codes, dimension)

    @property
    def codebook(self) -> Tensor:
        """The code vectors [K, D]."""
        return self.vq.get_buffer("layers.0._codebook.embed")

    def encode(self, features: Tensor) -> Tensor:
        """Features [B, D, T] -> nearest codes, int64 [B, T]."""
        x, e = features.mT, self.codebook
        distance = x.pow(2).sum(-1, keepdim=True) - 2 * x @ e.mT + e.pow(2).sum(-1)
        return distance.argmin(-1)

    def decode(self, semantic_tokens: Tensor) -> Tensor:
        """Codes [B, T] -> vectors [B, D, T]."""
        return nn.functional.embedding(semantic_tokens, self.codebook).mT
