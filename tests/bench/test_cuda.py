"""The benchmark of a GPU runs where there is none, on tiny networks."""

from __future__ import annotations

import torch

from engine.models.text_to_semantic import TextToSemantic
from tests.bench.cuda import Subject, measure
from tests.tiny_bundle import SEMANTIC, tiny_decoder


def test_every_figure_is_found() -> None:
    torch.manual_seed(0)
    model = TextToSemantic(SEMANTIC).eval()
    subject = Subject(model, tiny_decoder(), (1, 3), steps=3, spoken=40, phonemes=6, prompt=5)
    rows = measure(subject)
    each = [*4 * ["tokens/s"], *2 * ["ms"], *2 * ["times real time"]]
    assert [row.unit for row in rows] == 2 * each
    names = [row.name for row in rows[:4]]
    assert names == [f"{kind}float32, {n} streams" for kind in ("", "triton, ") for n in (1, 3)]
    assert all(row.value > 0 for row in rows)
    assert model.h.like.dtype is torch.float32
