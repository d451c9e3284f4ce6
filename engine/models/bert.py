"""Linguistic features of Chinese characters: the third last hidden layer of a BERT.

Reference: Cui et al., "Pre-Training with Whole Word Masking for Chinese BERT",
arXiv 1906.08101. The acoustic language model was trained on this layer, so the last two layers
and the head of a released checkpoint are neither built nor loaded.

State-dict keys and the names of sizes are those of `transformers.BertModel`, whose import takes
longer than loading every network of a bundle.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from engine.errors import BundleError

UNUSED_LAYERS = 2  # hidden_states[-3] is the output of the layer before the last two


@dataclass(frozen=True, slots=True)
class BertSizes:
    """Sizes by the names that `transformers.BertConfig` gives them; only exact GELUs are built."""

    hidden_size: int
    num_hidden_layers: int
    vocab_size: int = 30522
    num_attention_heads: int = 12
    intermediate_size: int = 3072
    max_position_embeddings: int = 512
    type_vocab_size: int = 2
    layer_norm_eps: float = 1e-12
    hidden_act: str = "gelu"
    pad_token_id: int | None = None  # only training knows pads

    def __post_init__(self) -> None:
        if self.hidden_act != "gelu":
            raise BundleError(f"a BERT with {self.hidden_act!r} is not known; known: gelu")

    @classmethod
    def read(cls, config: Mapping[str, Any]) -> BertSizes:
        """Of `config`.

        Raises:
            BundleError: it has an unknown field, or lacks one.
        """
        names = {field.name for field in fields(cls)}
        wrong = (config.keys() - names) | ({"hidden_size", "num_hidden_layers"} - config.keys())
        if wrong:
            raise BundleError(f"a BERT's description is wrong about {', '.join(sorted(wrong))}")
        return cls(**config)


class BertFeatures(nn.Module):
    """Characters in, one vector for each out.

    Args:
        config: see `BertSizes`; `num_hidden_layers` (24 for the large model) counts the layers
            that are left out here.
    """

    def __init__(self, config: Mapping[str, Any]) -> None:
        super().__init__()
        self.config = dict(config)
        self.bert = _Bert(BertSizes.read(config))

    def forward(self, token_ids: Tensor) -> Tensor:
        """Return features [B, N, D] of `token_ids` [B, N], [CLS] and [SEP] included."""
        return cast(Tensor, self.bert(token_ids))


class _Bert(nn.Module):
    """Embeddings and layers under the keys of released checkpoints."""

    def __init__(self, sizes: BertSizes) -> None:
        super().__init__()
        self.config = sizes
        self.embeddings = _Embeddings(sizes)
        layers = (_Layer(sizes) for _ in range(sizes.num_hidden_layers - UNUSED_LAYERS))
        self.encoder = nn.ModuleDict({"layer": nn.Sequential(*layers)})

    @property
    def device(self) -> torch.device:
        """Where the weights lie."""
        return self.embeddings.word_embeddings.weight.device

    def forward(self, token_ids: Tensor) -> Tensor:
        """[B, N] -> [B, N, D]."""
        return cast(Tensor, self.encoder["layer"](self.embeddings(token_ids)))


class _Embeddings(nn.Module):
    def __init__(self, sizes: BertSizes) -> None:
        super().__init__()
        width = sizes.hidden_size
        self.word_embeddings = nn.Embedding(sizes.vocab_size, width)
        self.position_embeddings = nn.Embedding(sizes.max_position_embeddings, width)
        self.token_type_embeddings = nn.Embedding(sizes.type_vocab_size, width)
        self.LayerNorm = nn.LayerNorm(width, eps=sizes.layer_norm_eps)

    def forward(self, token_ids: Tensor) -> Tensor:
        """[B, N] -> [B, N, D]; all tokens are of the first type."""
        positions = self.position_embeddings.weight[: token_ids.shape[1]]
        kind = self.token_type_embeddings.weight[0]
        return cast(Tensor, self.LayerNorm(self.word_embeddings(token_ids) + kind + positions))


class _Layer(nn.Module):
    def __init__(self, sizes: BertSizes) -> None:
        super().__init__()
        self.heads = sizes.num_attention_heads
        projections = {
            name: nn.Linear(sizes.hidden_size, sizes.hidden_size)
            for name in ("query", "key", "value")
        }
        self.attention = nn.ModuleDict(
            {"self": nn.ModuleDict(projections), "output": _Residual(sizes, sizes.hidden_size)}
        )
        self.intermediate = nn.ModuleDict(
            {"dense": nn.Linear(sizes.hidden_size, sizes.intermediate_size)}
        )
        self.output = _Residual(sizes, sizes.intermediate_size)

    def forward(self, x: Tensor) -> Tensor:
        """[B, N, D] -> [B, N, D]."""
        projections = cast(nn.ModuleDict, self.attention["self"])
        query, key, value = (
            projections[name](x).unflatten(2, (self.heads, -1)).transpose(1, 2)
            for name in ("query", "key", "value")
        )
        mixed = F.scaled_dot_product_attention(query, key, value).transpose(1, 2).flatten(2)
        x = self.attention["output"](mixed, x)
        return cast(Tensor, self.output(F.gelu(self.intermediate["dense"](x)), x))


class _Residual(nn.Module):
    """A linear layer, added to what went in, normed."""

    def __init__(self, sizes: BertSizes, n_in: int) -> None:
        super().__init__()
        self.dense = nn.Linear(n_in, sizes.hidden_size)
        self.LayerNorm = nn.LayerNorm(sizes.hidden_size, eps=sizes.layer_norm_eps)

    def forward(self, x: Tensor, residual: Tensor) -> Tensor:
        """[B, N, in], [B, N, D] -> [B, N, D]."""
        return cast(Tensor, self.LayerNorm(self.dense(x) + residual))


def select_weights(state: Mapping[str, Tensor], config: Mapping[str, Any]) -> dict[str, Tensor]:
    """Return the part of a released masked-LM state dict that `BertFeatures` loads strictly."""
    total = int(config["num_hidden_layers"])
    last = [f"bert.encoder.layer.{i}." for i in range(total - UNUSED_LAYERS, total)]
    unused = ("cls.", "bert.pooler.", "bert.embeddings.position_ids", *last)
    return {key: value for key, value in state.items() if not key.startswith(unused)}


def expand_to_phonemes(features: Tensor, word2ph: Sequence[int]) -> Tensor:
    """Return bert_features [D, sum(word2ph)]: each character's vector once per phoneme.

    Args:
        features: [N + 2, D], with the rows of [CLS] and [SEP].
        word2ph: phonemes of each of the N characters.

    Raises:
        ValueError: the tokenizer did not give one token per character.
    """
    characters = features[1:-1]
    if len(characters) != len(word2ph):
        raise ValueError(f"{len(characters)} character features for {len(word2ph)} characters")
    counts = torch.tensor(word2ph, device=features.device)
    return characters.repeat_interleave(counts, dim=0).T
