"""The rules by which the next token is chosen."""

from __future__ import annotations

import torch

from engine.models.sampling import (
    SamplingOptions,
    choose,
    draw_noise,
    penalize_repetition,
    token_probabilities,
)

PLAIN = SamplingOptions(top_k=100, top_p=1.0, temperature=1.0, repetition_penalty=1.0)


def test_repeated_tokens_lose_whatever_their_sign() -> None:
    logits = torch.tensor([2.0, -2.0, 1.0])
    penalized = penalize_repetition(logits, torch.tensor([0, 1, 1]), 2.0)
    assert penalized.tolist() == [1.0, -4.0, 1.0]


def test_a_penalty_leaves_the_given_logits_alone() -> None:
    logits = torch.tensor([2.0, 1.0])
    penalize_repetition(logits, torch.tensor([0]), 2.0)
    assert logits.tolist() == [2.0, 1.0]


def test_top_k_keeps_the_best() -> None:
    options = SamplingOptions(top_k=2, repetition_penalty=1.0)
    probabilities = token_probabilities(torch.tensor([1.0, 3.0, 2.0, 0.0]), options)
    assert (probabilities > 0).tolist() == [False, True, True, False]


def test_top_p_drops_the_token_that_crosses_the_line_but_never_the_best() -> None:
    logits = torch.log(torch.tensor([0.6, 0.3, 0.1]))
    strict = SamplingOptions(top_k=3, top_p=0.5)
    assert (token_probabilities(logits, strict) > 0).tolist() == [True, False, False]
    crossing = SamplingOptions(top_k=3, top_p=0.7)
    assert (token_probabilities(logits, crossing) > 0).tolist() == [True, False, False]


def test_a_low_temperature_is_greedy() -> None:
    cold = SamplingOptions(top_k=5, temperature=0.01)
    probabilities = token_probabilities(torch.tensor([1.0, 1.2, 0.9]), cold)
    assert probabilities[1] > 0.999


def test_choices_follow_the_probabilities() -> None:
    generator = torch.Generator().manual_seed(0)
    probabilities = token_probabilities(torch.log(torch.tensor([0.5, 0.3, 0.2])), PLAIN)
    draws = [int(choose(probabilities, draw_noise(3, generator))) for _ in range(4000)]
    shares = torch.bincount(torch.tensor(draws), minlength=3) / 4000
    torch.testing.assert_close(shares, torch.tensor([0.5, 0.3, 0.2]), atol=0.03, rtol=0)


def test_the_same_generator_chooses_the_same() -> None:
    noise = [draw_noise(5, torch.Generator().manual_seed(9)) for _ in range(2)]
    assert torch.equal(*noise)
