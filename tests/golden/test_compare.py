"""The rules that an index states in words are kept to the letter."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tests.golden.compare import Rule, compare


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("exact", Rule()),
        ("atol 1e-4", Rule(atol=1e-4)),
        ("rtol 1e-4", Rule(rtol=1e-4)),
        ("atol 2e-3 rtol 1e-3 (raw, before penalty)", Rule(atol=2e-3, rtol=1e-3)),
        ("relative L2 error < 1e-3 (differs by up to 0.06 of 86)", Rule(relative_l2=1e-3)),
        ("unused by the engine; atol 0.05", Rule(unused=True)),
    ],
)
def test_a_rule_in_words_is_read(text: str, rule: Rule) -> None:
    assert Rule.parse(text) == rule


def test_words_without_a_rule_are_an_error() -> None:
    with pytest.raises(ValueError, match="no rule"):
        Rule.parse("roughly the same")


def test_an_array_within_its_tolerance_passes() -> None:
    found = compare({"out_a": np.array([1.00009])}, {"out_a": np.ones(1)}, {"out_*": "atol 1e-4"})
    assert found.passed
    assert found.limit == pytest.approx(1e-4)


def test_one_element_outside_fails_the_case() -> None:
    wanted = {"out_a": np.zeros(1000), "out_b": np.zeros(3)}
    got = {"out_a": np.zeros(1000), "out_b": np.array([0.0, 2e-4, 0.0])}
    found = compare(got, wanted, {"out_*": "atol 1e-4"})
    assert (found.passed, found.name) == (False, "out_b")


def test_tokens_must_be_equal_without_a_rule() -> None:
    assert not compare({"out_y": np.array([1, 3])}, {"out_y": np.array([1, 2])}, {}).passed


@pytest.mark.parametrize("got", [np.full(3, np.nan), np.zeros(2), np.zeros((3, 1))])
def test_other_shapes_and_nans_fail(got: np.ndarray) -> None:
    found = compare({"out_a": got}, {"out_a": np.zeros(3)}, {"out_*": "atol 1"})
    assert (found.passed, found.error) == (False, math.inf)


def test_an_array_that_was_not_computed_fails() -> None:
    assert not compare({}, {"out_a": np.zeros(3)}, {"out_*": "atol 1"}).passed


def test_a_case_that_wants_nothing_fails() -> None:
    assert not compare({"out_a": np.zeros(1)}, {"out_a": np.zeros(1)}, {"out_a": "unused"}).passed


def test_relative_error_is_of_the_whole_array() -> None:
    wanted = {"out_a": np.array([100.0, 0.0])}
    rules = {"out_a": "relative L2 error < 1e-3"}
    assert compare({"out_a": np.array([100.05, 0.0])}, wanted, rules).passed
    assert not compare({"out_a": np.array([100.2, 0.0])}, wanted, rules).passed
