"""The rules by which the next token is chosen."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from engine.models.random_numbers import log_uniform
from engine.models.sampling import Candidates, RowSampling, candidates, penalize_repetition


def sampling(
    *, top_k: int = 100, top_p: float = 1.0, temperature: float = 1.0, rows: int = 1
) -> RowSampling:
    def column(value: float) -> Tensor:
        return torch.full((rows, 1), value)

    last = torch.full((rows, 1), top_k - 1)
    return RowSampling(last, column(top_p), column(temperature), top_k, top_p < 1.0)


def kept(found: Candidates) -> list[list[int]]:
    """The tokens of each row that may come."""
    rows = zip(found.tokens.tolist(), found.weights.tolist(), strict=True)
    return [sorted(t for t, w in zip(*row, strict=True) if w > 0) for row in rows]


def test_repeated_tokens_lose_whatever_their_sign() -> None:
    logits, seen = torch.tensor([[2.0, -2.0, 1.0]]), torch.tensor([[True, True, False]])
    penalized = penalize_repetition(logits, seen, torch.tensor([[2.0]]))
    assert penalized.tolist() == [[1.0, -4.0, 1.0]]


def test_a_penalty_leaves_the_given_logits_alone() -> None:
    logits = torch.tensor([[2.0, 1.0]])
    penalize_repetition(logits, torch.tensor([[True, False]]), torch.tensor([[2.0]]))
    assert logits.tolist() == [[2.0, 1.0]]


def test_top_k_keeps_the_best() -> None:
    assert kept(candidates(torch.tensor([[1.0, 3.0, 2.0, 0.0]]), sampling(top_k=2))) == [[1, 2]]


@pytest.mark.parametrize("top_k", [1, 2, 3])
def test_all_that_share_the_last_place_stay(top_k: int) -> None:
    logits = torch.tensor([[1.0, 3.0, 3.0, 3.0, 3.0, 0.0]])
    assert kept(candidates(logits, sampling(top_k=top_k))) == [[1, 2, 3, 4]]


@pytest.mark.parametrize("top_p", [0.5, 0.7])
def test_top_p_drops_the_token_that_crosses_the_line_but_never_the_best(top_p: float) -> None:
    logits = torch.log(torch.tensor([[0.6, 0.3, 0.1]]))
    assert kept(candidates(logits, sampling(top_k=3, top_p=top_p))) == [[0]]


def test_top_p_counts_what_top_k_leaves_out() -> None:
    logits = torch.log(torch.tensor([[0.4, 0.3, 0.2, 0.1]]))
    assert kept(candidates(logits, sampling(top_k=2, top_p=0.75))) == [[0, 1]]
    assert kept(candidates(logits, sampling(top_k=2, top_p=0.65))) == [[0]]


def test_a_low_temperature_is_greedy() -> None:
    found = candidates(torch.tensor([[1.0, 1.2, 0.9]]), sampling(top_k=3, temperature=0.01))
    assert found.tokens[0, 0] == 1
    assert found.weights[0, 1] < 1e-3


def test_every_row_has_its_own_options() -> None:
    logits = torch.log(torch.tensor([[0.4, 0.3, 0.2, 0.1]])).expand(3, 4)
    each = RowSampling(
        torch.tensor([[3], [1], [3]]),
        torch.tensor([[1.0], [1.0], [0.5]]),
        torch.tensor([[1.0], [1.0], [1.0]]),
        4,
    )
    assert kept(candidates(logits, each)) == [[0, 1, 2, 3], [0, 1], [0]]


@pytest.mark.parametrize("top_k", [2, 3])
def test_choices_follow_the_probabilities(top_k: int) -> None:
    shares, count = torch.tensor([0.5, 0.3, 0.2]), 20000
    found = candidates(torch.log(shares).expand(count, 3), sampling(top_k=top_k, rows=count))
    keys = torch.arange(count)[:, None] * 7919
    tokens = found.race(log_uniform(keys, found.tokens))[:, 0]
    wanted = shares[:top_k] / shares[:top_k].sum()
    got = torch.bincount(tokens, minlength=top_k) / count
    torch.testing.assert_close(got, wanted, atol=0.015, rtol=0)
