"""A recorded prefill fills the cache as the model's own does."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from engine.models import recorded_prefill
from engine.models.key_value_cache import KeyValueCache
from engine.models.recorded_prefill import RecordedPrefill
from engine.models.recording import repeat
from engine.models.text_to_semantic import TextToSemantic
from tests.tiny_bundle import CODES, SEMANTIC, SYMBOLS

SENTENCES = ((9, 5), (3, 13), (12, 12), (20, 20), (1, 1))  # phonemes and tokens of the prompt


@torch.inference_mode()
@pytest.mark.parametrize("bert_dimension", [0, 8])
def test_recorded_prefills_say_what_the_model_says(
    monkeypatch: pytest.MonkeyPatch, bert_dimension: int
) -> None:
    monkeypatch.setattr(recorded_prefill, "POSITIONS", (16, 24))
    torch.manual_seed(0)
    model = TextToSemantic(replace(SEMANTIC, bert_dimension=bert_dimension)).eval()
    own, recorded = (KeyValueCache(model.config, 8, 24, model.h.like) for _ in range(2))
    read = RecordedPrefill(model, recorded, repeat)
    for row, (n, prompt) in enumerate(SENTENCES):
        ids, tokens = torch.randint(SYMBOLS, (n,)), torch.randint(CODES, (prompt,))
        has_characters = bert_dimension and row % 2 == 0
        bert = torch.randn(bert_dimension, n) if has_characters else None
        wanted = model.prefill(own, ids, bert, tokens)
        torch.testing.assert_close(read(ids, bert, tokens), wanted, atol=1e-5, rtol=1e-4)
    assert recorded.filled == own.filled and recorded.live == own.live == len(SENTENCES)
    assert recorded.lengths.equal(own.lengths)
    for row, filled in enumerate(own.filled):
        for got, wanted in ((recorded.keys, own.keys), (recorded.values, own.values)):
            torch.testing.assert_close(
                got[:, row, :, :filled], wanted[:, row, :, :filled], atol=1e-5, rtol=1e-4
            )
