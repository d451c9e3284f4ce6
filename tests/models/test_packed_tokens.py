"""Which tokens the precisions of the compiled step choose, with trained weights."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from engine.models.packed_decoding import Precision
from engine.models.text_to_semantic import TextToSemantic
from engine.pipeline.bundle import load_bundle
from tests.evaluation.texts import everyday_sentences
from tests.source_tree import ROOT

STARTER = ROOT / "engine" / "bundles" / "starter"
VOICES = ("rms", "slt")
LONGEST, WANTED = 200, 1000


@pytest.mark.parametrize(("precision", "share"), [(Precision.HALF, 0.995), (Precision.INT8, 0.99)])
def test_nearly_all_greedy_tokens_are_those_of_full_precision(
    precision: Precision, share: float
) -> None:
    full, packed = (
        load_bundle(STARTER, "cpu", precision=each) for each in (Precision.FLOAT32, precision)
    )
    same, seen = 0, 0
    for i, text in enumerate(everyday_sentences()):
        prompt = full.builtin_voices[VOICES[i % 2]].prompt
        spoken = torch.tensor(full.phonemes(text, "en").phoneme_ids)
        phonemes = torch.cat([prompt.phoneme_ids, spoken])
        tokens = chosen(full.text_to_semantic, phonemes, prompt.semantic_tokens)
        again = chosen(packed.text_to_semantic, phonemes, prompt.semantic_tokens, tokens)
        same += int((again == tokens).sum())
        seen += len(tokens)
        if seen >= WANTED:
            break
    assert seen >= WANTED
    assert same / seen >= share, f"{same} of {seen}"


@torch.inference_mode()
def chosen(
    model: TextToSemantic, phonemes: Tensor, prompt: Tensor, past: Tensor | None = None
) -> Tensor:
    """The likeliest token of every step, after those chosen before or those of the `past`."""
    cache = model.new_cache(1, 512)
    tokens = [model.prefill(cache, phonemes, None, prompt).argmax()]
    length = LONGEST if past is None else len(past)
    while len(tokens) < length and (past is not None or int(tokens[-1]) != model.config.end):
        last = tokens[-1] if past is None else past[len(tokens) - 1]
        position = torch.tensor([len(prompt) + len(tokens) - 1])
        tokens.append(model.decode(cache, last[None], position)[0].argmax())
    return torch.stack(tokens)
