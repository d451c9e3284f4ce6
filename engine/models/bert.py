"""Linguistic features of Chinese characters: the third last hidden layer of a BERT.

Reference: Cui et al., "Pre-Training with Whole Word Masking for Chinese BERT",
arXiv 1906.08101. The acoustic language model was trained on this layer, so the last two layers
and the head of a released checkpoint are neither built nor loaded.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

import torch
from torch import Tensor, nn
from transformers import BertConfig, BertModel

UNUSED_LAYERS = 2  # hidden_states[-3] is the output of the layer before the last two


class BertFeatures(nn.Module):
    """Characters in, one vector for each out.

    Args:
        config: fields of `transformers.BertConfig` as released, `num_hidden_layers` (24 for the
            large model) counting the layers that are left out here.
    """

    def __init__(self, config: Mapping[str, Any]) -> None:
        super().__init__()
        layers = int(config["num_hidden_layers"]) - UNUSED_LAYERS
        fields = {**config, "num_hidden_layers": layers}
        self.config = dict(config)
        self.bert = BertModel(BertConfig(**fields), add_pooling_layer=False)

    def forward(self, token_ids: Tensor) -> Tensor:
        """Return features [B, N, D] of `token_ids` [B, N], [CLS] and [SEP] included."""
        return cast(Tensor, self.bert(input_ids=token_ids).last_hidden_state)


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
