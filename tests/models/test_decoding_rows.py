"""What a row says depends on its own seed, options and history, and on no other row."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from engine.models.decoding_rows import Choosing, DecodingRows
from engine.models.random_numbers import random_key
from engine.models.sampling import SamplingOptions

VOCABULARY, END = 60, 59
OPTIONS = (
    SamplingOptions(),
    SamplingOptions(top_k=3, repetition_penalty=2.0),
    SamplingOptions(top_k=100, top_p=0.9),
    SamplingOptions(top_k=60, temperature=1.8, repetition_penalty=1.0),
)


def rows_of(*numbers: int) -> DecodingRows:
    """One row for each number, which decides all about it."""
    rows = DecodingRows(8, VOCABULARY, torch.device("cpu"))
    for number in numbers:
        rows.add(choosing(number), history(number))
    return rows


def choosing(number: int, made: int = 0) -> Choosing:
    return Choosing(OPTIONS[number % len(OPTIONS)], random_key(number), made)


def history(number: int) -> Tensor:
    return torch.arange(number % 7)


def logits_of(number: int, step: int) -> Tensor:
    generator = torch.Generator().manual_seed(100 * number + step)
    return 3 * torch.randn(VOCABULARY, generator=generator)


def said(rows: DecodingRows, numbers: list[int], steps: range, *, recorded: bool = False) -> Tensor:
    """Tokens [steps, B]."""
    choose = rows.choose_as_recorded if recorded else rows.choose
    logits = (torch.stack([logits_of(number, step) for number in numbers]) for step in steps)
    return torch.stack([choose(each) for each in logits])


@pytest.mark.parametrize("number", range(4))
@pytest.mark.parametrize("recorded", [False, True])
def test_a_row_says_the_same_alone_and_among_others(number: int, recorded: bool) -> None:
    alone = said(rows_of(number), [number], range(40))[:, 0]
    others = [5, 6, number, 7, 4]
    among = said(rows_of(*others), others, range(40), recorded=recorded)[:, 2]
    assert alone.tolist() == among.tolist()
    assert len(alone.unique()) > 3


def test_the_last_row_moves_into_the_place_of_a_removed_one_and_goes_on() -> None:
    alone = said(rows_of(3), [3], range(30))[:, 0].tolist()
    rows = rows_of(1, 2, 3)
    before = said(rows, [1, 2, 3], range(10))[:, 2].tolist()
    rows.remove(0)
    after = said(rows, [3, 2], range(10, 30))[:, 0].tolist()
    assert before + after == alone


def test_a_row_that_is_taken_up_again_goes_on_as_if_it_had_never_stopped() -> None:
    whole = said(rows_of(1), [1], range(30))[:, 0]
    rows = DecodingRows(2, VOCABULARY, torch.device("cpu"))
    rows.add(choosing(1, made=12), torch.cat([history(1), whole[:12]]))
    assert said(rows, [1], range(12, 30))[:, 0].tolist() == whole[12:].tolist()


def test_a_row_that_joins_is_chosen_for_alone() -> None:
    rows = rows_of(0, 1)
    rows.add(choosing(2), history(2))
    first = rows.choose(logits_of(2, 0)[None], 2)
    assert first.tolist() == said(rows_of(2), [2], range(1))[0].tolist()
    assert rows.tokens[2] == first[0]
    assert rows.positions[:3].tolist() == [-1, 0, 2]


def test_rows_beyond_those_that_stay_are_forgotten() -> None:
    rows = rows_of(0, 1, 2)
    rows.shrink(1)
    rows.add(choosing(3), history(3))
    alone = said(rows_of(3), [3], range(20))[:, 0]
    assert said(rows, [0, 3], range(20))[:, 1].tolist() == alone.tolist()


def only(token: int) -> Tensor:
    logits = torch.zeros(1, VOCABULARY)
    logits[0, token] = 50.0
    return logits


def test_a_row_may_not_end_before_its_least() -> None:
    rows = DecodingRows(1, VOCABULARY, torch.device("cpu"))
    rows.add(Choosing(SamplingOptions(), 1, made=2, least=4), torch.arange(5))
    tokens = [int(rows.choose(only(END))) for _ in range(3)]
    assert END not in tokens[:2]
    assert tokens[2] == END


def test_the_end_is_taken_when_it_is_likeliest_even_if_another_token_is_drawn() -> None:
    rows = DecodingRows(1, VOCABULARY, torch.device("cpu"))
    flat = torch.zeros(1, VOCABULARY)
    flat[0, END] = 0.01
    rows.add(Choosing(SamplingOptions(top_k=VOCABULARY), 1), torch.zeros(0).long())
    assert [int(rows.choose(flat)) for _ in range(20)] == 20 * [END]


def test_what_a_row_has_said_is_less_likely_than_before() -> None:
    rows = DecodingRows(1, VOCABULARY, torch.device("cpu"))
    rows.add(Choosing(SamplingOptions(top_k=1, repetition_penalty=2.0), 1), torch.tensor([7]))
    logits = torch.zeros(1, VOCABULARY)
    logits[0, 7], logits[0, 8], logits[0, 9] = 10.0, 9.0, 6.0
    assert [int(rows.choose(logits)) for _ in range(3)] == [8, 9, 7]
