"""Random numbers by their place: even, unrelated, and the same wherever they are drawn."""

from __future__ import annotations

import itertools

import pytest
import torch
from torch import Tensor

from engine.models.random_numbers import STEP, at_step, log_uniform, random_key

INDICES = torch.arange(1024)[None]
# The first numbers of SplitMix64 with the seed 1234567, as they are published.
PUBLISHED = (6457827717110365317, 3203168211198807973, 9817491932198370423)


def numbers(keys: list[int]) -> Tensor:
    """Numbers in (0, 1) of each key, [keys, 1024]."""
    return log_uniform(torch.tensor(keys)[:, None], INDICES).exp()


def keys_of_steps(seed: int, steps: int) -> list[int]:
    return [at_step(random_key(seed, 0, 1), step) for step in range(steps)]


def test_the_numbers_are_those_of_splitmix64() -> None:
    drawn = log_uniform(torch.tensor([[1234567]]), torch.tensor([[1, 2, 3]])).exp()[0]
    wanted = torch.tensor([(z % 2**52 + 0.5) / 2**52 for z in PUBLISHED], dtype=torch.double)
    torch.testing.assert_close(drawn, wanted, atol=1e-15, rtol=1e-12)


@pytest.mark.parametrize("keys", [keys_of_steps(5, 200), [random_key(s, 0, 1) for s in range(200)]])
def test_they_are_even_over_steps_and_over_seeds(keys: list[int]) -> None:
    counts = torch.histc(numbers(keys).float(), 64, 0, 1)
    expected = len(keys) * INDICES.numel() / 64
    chi_squared = float(((counts - expected) ** 2 / expected).sum())
    assert 30 < chi_squared < 110  # 63 degrees of freedom: all but 1 in 5,000


def test_their_logs_are_exponential() -> None:
    noise = -log_uniform(torch.tensor(keys_of_steps(9, 200))[:, None], INDICES).flatten()
    sorted_noise = noise.sort().values
    share = torch.arange(1, len(noise) + 1) / len(noise)
    distance = (1 - (-sorted_noise).exp() - share).abs().max()
    assert distance < 1.95 / len(noise) ** 0.5  # Kolmogorov: all but 1 in 1,000
    assert float(noise.min()) > 0


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (keys_of_steps(1, 101)[:-1], keys_of_steps(1, 101)[1:]),
        (keys_of_steps(1, 100), keys_of_steps(2, 100)),
        ([random_key(7, i, 1) for i in range(100)], [random_key(7, i, 2) for i in range(100)]),
        ([random_key(7, i, 1) for i in range(100)], [random_key(7, i + 1, 1) for i in range(100)]),
    ],
    ids=["steps", "seeds", "attempts", "sentences"],
)
def test_neighbours_have_nothing_in_common(one: list[int], other: list[int]) -> None:
    pair = torch.stack([numbers(one).flatten(), numbers(other).flatten()])
    assert abs(float(torch.corrcoef(pair)[0, 1])) < 4 / pair.shape[1] ** 0.5
    beside = numbers(one)
    lagged = torch.stack([beside[:, 1:].flatten(), beside[:, :-1].flatten()])
    assert abs(float(torch.corrcoef(lagged)[0, 1])) < 4 / lagged.shape[1] ** 0.5


def test_no_two_places_share_a_number() -> None:
    drawn = numbers(keys_of_steps(3, 300))
    assert drawn.unique().numel() == drawn.numel()


def test_a_step_moves_the_key_by_the_same_every_time() -> None:
    keys = [at_step(random_key(4, 2), step) for step in range(5)]
    assert {(after - before - STEP) % 2**64 for before, after in itertools.pairwise(keys)} == {0}


@pytest.mark.parametrize("seed", [0, 1, 2**62, 2**63 - 1])
def test_keys_are_signed_integers_of_64_bits(seed: int) -> None:
    assert -(2**63) <= random_key(seed, 3, 1) < 2**63


def test_keys_of_the_same_numbers_in_another_order_differ() -> None:
    assert len({random_key(*order) for order in itertools.permutations((1, 2, 3))}) == 6
