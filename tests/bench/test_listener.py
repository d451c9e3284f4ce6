"""What a listener of the benchmark makes of the pieces that come."""

from __future__ import annotations

import pytest

from tests.bench.server.listener import Heard


def heard(*pieces: tuple[float, float]) -> Heard:
    return Heard(0.0, list(pieces))


def test_sound_that_comes_in_time_is_played_without_a_pause() -> None:
    assert heard((0.1, 0.5), (0.5, 0.5), (1.0, 2.0)).playback(0.2).underruns == 0


def test_a_piece_that_comes_late_is_a_pause_of_as_long() -> None:
    playback = heard((0.1, 0.5), (0.9, 0.5), (1.2, 0.1)).playback(0.2)
    assert playback.underruns == 1
    assert playback.silent_s == pytest.approx(0.3)


def test_the_prebuffer_puts_off_the_start() -> None:
    pieces = (0.1, 0.1), (0.25, 0.1), (0.44, 0.5)
    assert heard(*pieces).playback(0.2).underruns == 0
    assert heard(*pieces).playback(0.0).underruns == 2


def test_what_is_shorter_than_the_prebuffer_has_no_pause() -> None:
    assert heard((0.1, 0.05), (3.0, 0.05)).playback(0.2).underruns == 0


def test_the_lead_is_the_sound_that_waits_to_be_played() -> None:
    times_s, leads_s = zip(*heard((0.1, 0.5), (0.4, 1.0)).lead(), strict=True)
    assert times_s == (0.1, 0.1, 0.4, 0.4)
    assert leads_s == pytest.approx((0.0, 0.5, 0.2, 1.2))
