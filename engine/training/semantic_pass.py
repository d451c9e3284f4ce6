"""One forward pass of the text-to-semantic model's training (teacher forcing)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from engine.models.text_to_semantic import TextToSemantic, prefix_mask


@dataclass(frozen=True, slots=True)
class SemanticBatch:
    """Texts and tokens padded to one length.

    Attributes:
        phoneme_ids: [B, N]; text_inside: bool [B, N], false for padding.
        text_start: position of each row's first column [B]: minus its padding if that is left.
        semantic_tokens: [B, M], padded on the right with the end token.
        token_lengths: [B].
        bert_features: [B, bert, N] or None.
        heard_tokens: [B, M], what the model is shown as its past; None means the tokens.
    """

    phoneme_ids: Tensor
    text_inside: Tensor
    text_start: Tensor
    semantic_tokens: Tensor
    token_lengths: Tensor
    bert_features: Tensor | None = None
    heard_tokens: Tensor | None = None


def predict(model: TextToSemantic, batch: SemanticBatch) -> tuple[Tensor, Tensor]:
    """Return logits [B, M + 1, V] and their targets [B, M + 1], the last being the end.

    The first token is predicted from the last text column.
    """
    n, m = batch.phoneme_ids.shape[1], batch.semantic_tokens.shape[1]
    end = model.config.end
    inside = torch.arange(m, device=batch.token_lengths.device) < batch.token_lengths[:, None]
    tokens = batch.semantic_tokens.masked_fill(~inside, end)
    heard = tokens if batch.heard_tokens is None else batch.heard_tokens
    heard = heard.masked_fill(~inside, end)
    text = model.embed_text(batch.phoneme_ids, batch.bert_features, batch.text_start)
    keys = torch.cat([batch.text_inside, inside], dim=1)  # [B, N + M]
    mask = prefix_mask(n, n + m, keys.device) & keys[:, None, None, :]
    hidden = model(text, model.embed_audio(heard), mask)
    targets = torch.cat([tokens, tokens.new_full((len(tokens), 1), end)], dim=1)
    return model.ar_predict_layer(hidden[:, n - 1 :]), targets
