"""Subtitle files that players can read."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest

from engine.text.subtitles import SubtitleFormat, make_cues, subtitles
from engine.types import SentenceTiming, TimedText


def sentence(text: str, start_s: float, word_s: float = 0.4) -> SentenceTiming:
    """A sentence whose words last equally long."""
    words = [(match[0], match.start()) for match in re.finditer(r"[^\s,.!?。，]+", text)]
    if re.search("[一-鿿]", text):
        words = [(char, at) for at, char in enumerate(text) if char not in "。，"]
    units = tuple(
        TimedText(word, at, at + len(word), start_s + i * word_s, start_s + (i + 1) * word_s)
        for i, (word, at) in enumerate(words)
    )
    whole = TimedText(text, 0, len(text), start_s, start_s + len(words) * word_s)
    return SentenceTiming(whole, units)


def test_srt_has_numbers_commas_and_empty_lines_between_cues() -> None:
    timings = [sentence("We go home.", 0.5), sentence("It is late.", 3661.25)]
    assert subtitles(timings, SubtitleFormat.SRT) == (
        "1\n00:00:00,500 --> 00:00:01,700\nWe go home.\n\n"
        "2\n01:01:01,250 --> 01:01:02,450\nIt is late.\n"
    )


def test_webvtt_begins_with_its_name_and_hides_what_looks_like_a_tag() -> None:
    written = subtitles([sentence("a <b> & c.", 1.0)], SubtitleFormat.WEBVTT)
    assert written.startswith("WEBVTT\n\n1\n00:00:01.000 --> ")
    assert "a &lt;b&gt; &amp; c." in written


def test_clauses_that_follow_closely_share_a_cue() -> None:
    near = [sentence("We go home,", 0.0), sentence("and then we rest.", 1.3)]
    (cue,) = make_cues(near)
    assert (cue.text, cue.start_s) == ("We go home, and then we rest.", 0.0)
    assert len(make_cues([near[0], sentence("and then we rest.", 2.5)])) == 2


@pytest.mark.parametrize("text", ["word " * 60, "今天天气很好" * 20, "word, " * 40])
def test_long_sentence_is_cut_between_words_into_readable_cues(text: str) -> None:
    text = text.strip()
    cues = make_cues([sentence(text, 0.0)])
    assert len(cues) > 1
    assert "".join(cue.text for cue in cues).replace(" ", "") == text.replace(" ", "")
    for cue, following in pairwise(cues):
        assert cue.start_s < cue.end_s <= following.start_s
    written = subtitles([sentence(text, 0.0)], SubtitleFormat.SRT)
    for line in written.splitlines():
        assert len(line) + len(re.findall("[一-鿿]", line)) <= 46


def test_lines_are_no_wider_than_two_of_them_may_be() -> None:
    words = "well internationally considered counterrevolutionaries are misunderstood by everybody"
    (_, _, *lines), *others = [
        block.splitlines()
        for block in subtitles([sentence(words + ".", 0.0, 0.2)], SubtitleFormat.SRT).split("\n\n")
    ]
    assert others or len(lines) == 2
    for line in (*lines, *(line for _, _, *more in others for line in more)):
        assert len(line) <= 42


def test_marks_of_chinese_are_as_wide_as_its_characters_and_begin_no_line() -> None:
    text = "春眠不觉晓处处闻啼鸟夜来风雨声，花落知多少，春眠不觉晓处处闻啼。"
    blocks = subtitles([sentence(text, 0.0, 0.1)], SubtitleFormat.SRT).strip().split("\n\n")
    lines = [line for block in blocks for line in block.splitlines()[2:]]
    assert len(lines) > 1
    assert all(len(line) <= 21 and line[0] not in "，。" for line in lines)


def test_cue_whose_words_take_no_time_is_shown_for_a_moment_before_the_next() -> None:
    wide = "a" * 80
    moment = TimedText(wide, 0, 80, 2.0, 2.0)
    timings = [SentenceTiming(moment, (moment,)), sentence("And then we go home.", 2.0)]
    first, second = make_cues(timings)
    assert first.start_s < first.end_s == second.start_s < second.end_s


def test_nothing_timed_is_an_empty_file() -> None:
    assert subtitles([], SubtitleFormat.SRT) == ""
    assert subtitles([], SubtitleFormat.WEBVTT) == "WEBVTT\n"
