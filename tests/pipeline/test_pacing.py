"""Whose work comes first."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from engine.pipeline.pacing import Outlay, Pace, first_due_s


@dataclass
class Waiting:
    due_s: float
    outlay: Outlay


@pytest.fixture
def pace() -> Pace:
    """A machine that makes a token in 10 ms and decodes one in 2 ms."""
    pace = Pace()
    pace.made_tokens(0.01)
    pace.sounded(10, 0.02)
    return pace


def test_work_begins_as_long_before_the_sound_is_due_as_it_takes(pace: Pace) -> None:
    begin_s, due_s = pace.urgency(Waiting(5.0, Outlay(100, 50)), 0.0)
    assert begin_s == pytest.approx(5.0 - 1.0 - 0.1)
    assert due_s == 5.0
    assert pace.decoding_s(Waiting(5.0, Outlay(100, 50))) == pytest.approx(0.1)


def test_who_needs_more_work_goes_first_when_both_are_due_together(pace: Pace) -> None:
    much, little = Waiting(5.0, Outlay(100, 50)), Waiting(5.0, Outlay(0, 50))
    assert pace.urgency(much, 0.0) < pace.urgency(little, 0.0)


def test_of_those_that_are_late_the_first_due_goes_first_whatever_it_needs(pace: Pace) -> None:
    nearly_done, begun = Waiting(5.0, Outlay(0, 50)), Waiting(5.1, Outlay(100, 50))
    assert pace.urgency(begun, 3.0) < pace.urgency(nearly_done, 3.0)
    assert pace.urgency(begun, 6.0) > pace.urgency(nearly_done, 6.0)


def test_measurements_follow_the_machine(pace: Pace) -> None:
    for _ in range(100):
        pace.sounded(10, 0.2)
    assert pace.decoding_s(Waiting(0.0, Outlay(0, 1))) == pytest.approx(0.02, rel=0.01)


def test_nobody_waits_for_the_background_at_first_nor_for_ever() -> None:
    assert first_due_s(0.0, background=True) > first_due_s(5.0, background=False)
    assert first_due_s(0.0, background=True) < first_due_s(60.0, background=False)
