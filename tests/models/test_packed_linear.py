"""Packed weights against plain ones."""

from __future__ import annotations

import copy

import pytest
import torch

from engine.errors import MissingDependencyError
from engine.models.key_value_cache import KeyValueCache
from engine.models.packed_linear import PackedLinear, Precision, pack_text_to_semantic
from engine.models.text_to_semantic import TextToSemantic
from tests.tiny_bundle import CODES, SEMANTIC, SYMBOLS


@pytest.mark.parametrize(
    ("precision", "tolerance"), [(Precision.HALF, 1e-3), (Precision.INT8, 2e-2)]
)
def test_a_packed_layer_is_the_plain_one_but_for_rounding(
    precision: Precision, tolerance: float
) -> None:
    torch.manual_seed(1)
    plain, x = torch.nn.Linear(96, 40), torch.randn(2, 5, 96)
    packed = PackedLinear(plain.weight, plain.bias, precision)
    with torch.inference_mode():
        error = (packed(x) - plain(x)).abs().max() / plain(x).std()
    assert 0 < error < 5 * tolerance


@torch.inference_mode()
@pytest.mark.parametrize("precision", list(Precision))
def test_a_packed_model_decodes_like_the_plain_one(precision: Precision) -> None:
    torch.manual_seed(2)
    plain = TextToSemantic(SEMANTIC).eval()
    packed = copy.deepcopy(plain)
    pack_text_to_semantic(packed, precision)
    phonemes, tokens = torch.randint(SYMBOLS, (9,)), torch.randint(CODES, (12,))
    logits = []
    for model in (plain, packed):
        cache = KeyValueCache(SEMANTIC, 1, 32, torch.zeros(1))
        model.prefill(cache, phonemes, None, tokens[:-1])
        logits.append(model.decode(cache, tokens[-1:], torch.tensor([11]))[0])
    assert torch.corrcoef(torch.stack(logits))[0, 1] > 0.99


def test_another_device_is_refused() -> None:
    with pytest.raises(MissingDependencyError, match="half needs an x86 CPU"):
        pack_text_to_semantic(TextToSemantic(SEMANTIC), Precision.HALF, torch.device("cuda"))


def test_packing_frees_the_plain_weights() -> None:
    model = TextToSemantic(SEMANTIC)
    pack_text_to_semantic(model, Precision.HALF)
    assert all(parameter.ndim == 1 for parameter in model.h.parameters())
