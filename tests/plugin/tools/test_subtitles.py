"""Subtitles of a text that was spoken in parts."""

from __future__ import annotations

from plugin.tools.subtitles import Subtitles, join_subtitles

FIRST = "1\n00:00:00,100 --> 00:00:01,900\nOne,\ntwo.\n\n2\n00:00:02,000 --> 00:00:02,400\nThree.\n"
SECOND = "1\n00:00:00,050 --> 00:00:00,700\n4 --> 5\n"


def test_times_go_on_and_so_do_the_numbers() -> None:
    assert join_subtitles([(FIRST, 2.5), (SECOND, 1.0)], Subtitles.SRT) == (
        "1\n00:00:00,100 --> 00:00:01,900\nOne,\ntwo.\n\n"
        "2\n00:00:02,000 --> 00:00:02,400\nThree.\n\n"
        "3\n00:00:02,550 --> 00:00:03,200\n4 --> 5\n"
    )


def test_webvtt_has_one_header() -> None:
    part = "WEBVTT\n\n1\n00:00:00.100 --> 00:00:00.900\nOne.\n"
    assert join_subtitles([(part, 1.0)] * 2, Subtitles.WEBVTT) == (
        "WEBVTT\n\n1\n00:00:00.100 --> 00:00:00.900\nOne.\n\n"
        "2\n00:00:01.100 --> 00:00:01.900\nOne.\n"
    )


def test_no_cue_is_shown_into_the_next_part() -> None:
    joined = join_subtitles([(FIRST, 2.2), (SECOND, 1.0)], Subtitles.SRT)
    assert "00:00:02,000 --> 00:00:02,200" in joined
    assert "00:00:02,250 --> 00:00:02,900" in joined


def test_times_are_right_after_hours() -> None:
    joined = join_subtitles([("", 3599.5), (SECOND, 1.0)], Subtitles.SRT)
    assert joined.startswith("1\n00:59:59,550 --> 01:00:00,200\n")
