"""Rows that come and go: each says what it says alone, recorded or not."""

from __future__ import annotations

import random
from collections import defaultdict
from dataclasses import replace

import numpy as np
import pytest
import torch

from engine.models.decoding_rows import Choosing
from engine.models.random_numbers import random_key
from engine.models.recording import Recorder, repeat
from engine.models.sampling import SamplingOptions
from engine.models.text_to_semantic import TextToSemantic
from engine.pipeline import scheduler as scheduling
from engine.pipeline.scheduler import Scheduler
from engine.pipeline.sentence import Prefill
from engine.pipeline.synthesizer import synthesize
from engine.pipeline.token_rows import INITIAL_CAPACITY, TokenRows
from engine.types import SynthesisOptions, SynthesisRequest
from tests.models.test_recorded_steps import Warming
from tests.tiny_bundle import CODES, SEMANTIC, SYMBOLS, tiny_bundle, tiny_prompt

LONGEST, OWNERS = 60, 40


@pytest.fixture(scope="module")
def model() -> TextToSemantic:
    torch.manual_seed(5)
    return TextToSemantic(SEMANTIC).eval()


@pytest.fixture(scope="module")
def alone(model: TextToSemantic) -> dict[int, list[int]]:
    """What every owner says when nobody else is there."""
    return {owner: said(TokenRows(model, 1), [owner], 0)[owner] for owner in range(OWNERS)}


def begin(rows: TokenRows, owner: int) -> int:
    """Give an owner a row; everything about it follows from its number."""
    source = torch.Generator().manual_seed(owner)
    text = 240 if owner % 10 == 0 else 4 + owner
    first = Prefill(
        torch.randint(SYMBOLS, (text,), generator=source),
        None,
        torch.randint(CODES, (owner % 9,), generator=source),
    )
    options = SamplingOptions(3 + owner, 1.0 - owner % 3 / 10, 0.5 + owner / OWNERS, 1.2)
    return rows.begin(owner, first, Choosing(options, random_key(owner), least=owner % 12))


@torch.inference_mode()
def said(rows: TokenRows, owners: list[int], cancels: int) -> dict[int, list[int]]:
    """The tokens of each up to the end, those of cancelled ones so far; all come and go."""
    source, tokens = random.Random(1), defaultdict[int, list[int]](list)
    waiting = [*owners]

    def take(owner: int, token: int) -> None:
        tokens[owner].append(token)
        if token == SEMANTIC.end or len(tokens[owner]) == LONGEST:
            rows.remove(owner)

    while waiting or rows.owners:
        if waiting and not rows.full and source.random() < 0.7:
            owner = waiting.pop(0)
            take(owner, begin(rows, owner))
        if cancels and rows.owners and source.random() < 0.1:
            cancels -= 1
            rows.remove(source.choice(rows.owners))
        for owner, token in rows.step() if rows.owners else []:
            if owner in rows.owners:
                take(owner, token)
    return tokens


def is_prefix(found: list[int], whole: list[int]) -> bool:
    return found == whole[: len(found)]


@pytest.mark.parametrize("most", [3, 12])
@pytest.mark.parametrize("record", [None, repeat, Warming()], ids=["plain", "repeated", "warmed"])
def test_every_row_says_what_it_says_alone(
    model: TextToSemantic, alone: dict[int, list[int]], most: int, record: Recorder | None
) -> None:
    found = said(TokenRows(model, most, record), list(range(OWNERS)), cancels=0)
    assert found == alone


@pytest.mark.parametrize("record", [None, Warming()], ids=["plain", "recorded"])
def test_those_who_leave_change_nothing_for_those_who_stay(
    model: TextToSemantic, alone: dict[int, list[int]], record: Recorder | None
) -> None:
    found = said(TokenRows(model, 8, record), list(range(OWNERS)), cancels=10)
    assert all(is_prefix(tokens, alone[owner]) for owner, tokens in found.items())
    assert sum(tokens != alone[owner] for owner, tokens in found.items()) in range(1, 11)


@torch.inference_mode()
def test_tokens_on_their_way_are_not_given_to_an_owner_who_begins_again(
    model: TextToSemantic, alone: dict[int, list[int]]
) -> None:
    rows = TokenRows(model, 2, repeat)
    begin(rows, 1)
    begin(rows, 2)
    rows.step()
    rows.remove(2)
    again = [begin(rows, 2)]
    while len(again) < 5:
        again += [token for owner, token in rows.step() if owner == 2]
    assert again == alone[2][:5]


@torch.inference_mode()
def test_rows_that_a_fault_left_behind_are_nobodys(
    model: TextToSemantic, alone: dict[int, list[int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = TokenRows(model, 2, Warming())

    def fail(*_: object) -> int:
        raise RuntimeError("the row is filled, and something is wrong")

    with monkeypatch.context() as broken:
        broken.setattr(rows._rows, "choose", fail)
        with pytest.raises(RuntimeError):
            begin(rows, 1)
    assert rows.owners == ()
    assert said(rows, [3], cancels=0)[3] == alone[3]


def test_a_row_is_removed_by_anybody_after_the_cache_has_grown(model: TextToSemantic) -> None:
    rows = TokenRows(model, 2)
    long = Prefill(torch.zeros(INITIAL_CAPACITY, dtype=torch.long), None, torch.tensor([1]))
    with torch.inference_mode():
        for owner in range(2):
            rows.begin(owner, long, Choosing(SamplingOptions(), random_key(owner)))
    rows.remove(0)  # outside of inference mode
    assert rows.owners == (1,)


def test_recorded_steps_change_nothing_that_is_heard(monkeypatch: pytest.MonkeyPatch) -> None:
    bundle = tiny_bundle()
    text = "The rain came early. The road was wet."
    requests = [
        SynthesisRequest(text, "en", tiny_prompt(seed=i), SynthesisOptions(seed=i))
        for i in range(3)
    ]
    plain = [synthesize(bundle, request).samples for request in requests]
    monkeypatch.setattr(scheduling, "recorder_for", lambda _: Warming())
    scheduler = Scheduler(bundle, 2)
    ids = [scheduler.admit(replace(request)) for request in requests]
    pieces: dict[int, list[np.ndarray]] = {i: [] for i in ids}
    while scheduler.live:
        for event in scheduler.step():
            assert event.error is None and event.chunk is not None
            pieces[event.stream_id].append(event.chunk.samples)
    for stream_id, samples in zip(ids, plain, strict=True):
        np.testing.assert_allclose(np.concatenate(pieces[stream_id]), samples, atol=1e-4)
