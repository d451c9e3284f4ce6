"""Sentences of the synthetic speaker end when they should."""

from __future__ import annotations

import torch

from engine.models.half_precision import LONGEST, Probe, greedy
from tests.bench import official
from tests.bench.released_speaker import PROMPT_TOKENS, SPOKEN_TOKENS, let_it_end


def test_a_sentence_lasts_about_as_long_as_is_said() -> None:
    model = official.text_to_semantic()
    let_it_end(model)
    random = torch.Generator().manual_seed(1)
    prompt = torch.randint(model.config.end, (PROMPT_TOKENS,), generator=random)
    with torch.inference_mode():
        (tokens,) = greedy(model, [Probe(official.phonemes(), prompt)])
    assert tokens[-1] == model.config.end
    assert SPOKEN_TOKENS // 2 < len(tokens) < LONGEST
