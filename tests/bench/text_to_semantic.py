"""Tokens per second of the autoregressive model, beside the rate at which weights can be read.

The ceiling is a pass for every token over as many float32 numbers as the layers have weights, which
does nothing but add them up, in compiled code and on as many threads.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import torch
from numba import njit
from numpy.typing import NDArray

from engine.models.kernel_threads import share
from engine.models.key_value_cache import KeyValueCache
from engine.models.packed_decoding import Precision, pack_text_to_semantic
from engine.models.panels import share_of
from engine.models.text_to_semantic import TextToSemantic
from tests.bench import official
from tests.bench.report import Row
from tests.bench.rounds import take_turns

STEPS = 40
BATCHES = (1, 4, 8)


@torch.inference_mode()
def measure(rounds: int) -> list[Row]:
    """Prefill, decoding by plain PyTorch, decoding in every precision, alone and in a batch."""
    plain = official.text_to_semantic()
    packed = {precision: copy.deepcopy(plain) for precision in Precision}
    for precision, model in packed.items():
        pack_text_to_semantic(model, precision)
    numbers = _as_many(plain)
    subjects: dict[str, Callable[[], object]] = {
        "weights read": partial(_read_again, numbers),
        "plain prefill": partial(_prefilled, plain, 1),
        "plain": decoding(plain, 1),
    }
    for precision, model in packed.items():
        subjects[f"{precision} prefill"] = partial(_prefilled, model, 1)
        subjects |= {f"{precision} {rows}": decoding(model, rows) for rows in BATCHES}
    seconds = {name: found.median_s for name, found in take_turns(subjects, rounds).items()}
    ceiling = STEPS / seconds["weights read"]
    rates = {name: STEPS / seconds[name] for name in subjects}
    alone = rates[f"{Precision.FLOAT32} 1"]
    rows = [
        Row("plain PyTorch, prefill of 175 positions", seconds["plain prefill"] * 1e3, "ms"),
        Row("ceiling: float32 weights read once a token", ceiling, "tokens/s"),
        Row(
            "plain PyTorch, batch 1",
            rates["plain"],
            "tokens/s",
            {"of ceiling": rates["plain"] / ceiling},
        ),
    ]
    for precision in Precision:
        prefill_s = seconds[f"{precision} prefill"]
        faster = {"times as fast as plain": seconds["plain prefill"] / prefill_s}
        rows.append(Row(f"{precision}, prefill", prefill_s * 1e3, "ms", faster))
        single = rates[f"{precision} 1"]
        ratios = {"of ceiling": single / ceiling, "of float32": single / alone}
        rows.append(Row(f"{precision}, batch 1", single, "tokens/s", ratios))
        for count in BATCHES[1:]:
            rate = count * rates[f"{precision} {count}"]
            rows.append(
                Row(f"{precision}, batch {count}", rate, "tokens/s", {"of batch 1": rate / single})
            )
    return rows


def _as_many(model: TextToSemantic) -> NDArray[np.float32]:
    weights = [weight for weight in model.h.parameters() if weight.ndim == 2]
    return np.ones(sum(weight.numel() for weight in weights), np.float32)


def _read_again(numbers: NDArray[np.float32]) -> None:
    """Once for every step: what stays in a cache from one step to the next stays here, too."""
    for _ in range(STEPS):
        share(_read, numbers.nbytes, numbers)


@njit(fastmath=True, nogil=True)
def _read(numbers, met, part, parts):  # type: ignore[no-untyped-def]
    """The sum of a part of some numbers."""
    first, last = share_of(len(numbers), part, parts)
    return _sum(numbers[first:last])


@njit(fastmath=True, nogil=True)
def _sum(numbers: NDArray[np.float32]) -> Any:
    """The sum of some numbers, which are read in four long runs."""
    total, run = np.float32(0), len(numbers) // 4
    for i in range(run):
        total += numbers[i] + numbers[i + run] + numbers[i + 2 * run] + numbers[i + 3 * run]
    return total


def _prefilled(model: TextToSemantic, rows: int) -> KeyValueCache:
    cache = model.new_cache(rows, 512)
    for _ in range(rows):
        prompt = official.tokens(official.PROMPT_TOKENS)
        model.prefill(cache, official.phonemes(), None, prompt)
    return cache


def decoding(model: TextToSemantic, rows: int) -> Callable[[], None]:
    """Decode some tokens greedily for as many rows, from the same prompt each time."""
    cache = _prefilled(model, rows)
    filled = [*cache.filled]

    def decode() -> None:
        for row, length in enumerate(filled):
            cache.resize(row, length)
        tokens = torch.zeros(rows, dtype=torch.long)
        for step in range(STEPS):
            positions = torch.full((rows,), official.PROMPT_TOKENS + step)
            tokens = model.decode(cache, tokens, positions)[:, :-1].argmax(-1)

    return decode
