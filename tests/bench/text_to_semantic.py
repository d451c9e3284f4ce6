"""Tokens per second of the autoregressive model, beside the rate at which weights can be read."""

from __future__ import annotations

import copy
from collections.abc import Callable
from functools import partial

import torch

from engine.models.key_value_cache import KeyValueCache
from engine.models.packed_decoding import Precision, pack_text_to_semantic
from engine.models.text_to_semantic import TextToSemantic
from tests.bench import official
from tests.bench.report import Row
from tests.bench.rounds import take_turns

STEPS = 40
BATCHES = (1, 2, 4, 8)


@torch.inference_mode()
def measure(rounds: int) -> list[Row]:
    """Prefill, decoding alone in every precision, decoding in batches."""
    plain = official.text_to_semantic()
    subjects: dict[str, Callable[[], object]] = {
        "weights read once": partial(_read_weights, plain),
        "prefill of 175 positions": partial(_prefilled, plain, 1),
    }
    sizes = {}
    for precision in Precision:
        model = copy.deepcopy(plain)
        pack_text_to_semantic(model, precision)
        for size in BATCHES if precision is Precision.FLOAT32 else (1, 8):
            name = f"{precision}, batch {size}"
            subjects[name], sizes[name] = _decoding(model, size), size
    seconds = take_turns(subjects, rounds)
    ceiling = 1 / seconds["weights read once"].median_s
    rows = [
        Row("prefill of 175 positions", seconds["prefill of 175 positions"].median_s * 1e3, "ms"),
        Row("ceiling: float32 weights read once a token", ceiling, "tokens/s"),
    ]
    alone = STEPS / seconds[f"{Precision.FLOAT32}, batch 1"].median_s
    for name, batch in sizes.items():
        rate = batch * STEPS / seconds[name].median_s
        ratios = {"of the ceiling": rate / ceiling, "of float32 alone": rate / alone}
        rows.append(Row(name, rate, "tokens/s", ratios))
    return rows


def _read_weights(model: TextToSemantic) -> float:
    return sum(float(weight.sum()) for weight in model.h.parameters() if weight.ndim == 2)


def _prefilled(model: TextToSemantic, rows: int) -> KeyValueCache:
    like = model.ar_predict_layer.weight
    cache = KeyValueCache(model.config, rows, 512, like)
    for _ in range(rows):
        prompt = official.tokens(official.PROMPT_TOKENS)
        model.prefill(cache, official.phonemes(), None, prompt)
    return cache


def _decoding(model: TextToSemantic, rows: int) -> Callable[[], None]:
    cache = _prefilled(model, rows)
    filled = cache.lengths.clone()

    def decode() -> None:
        cache.lengths.copy_(filled)
        tokens = torch.zeros(rows, dtype=torch.long)
        for step in range(STEPS):
            positions = torch.full((rows,), official.PROMPT_TOKENS + step)
            tokens = model.decode(cache, tokens, positions)[:, :-1].argmax(-1)

    return decode
