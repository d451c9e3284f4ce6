"""Pauses that a text asks for."""

from __future__ import annotations

import time

import pytest

from engine.text.frontend import TextFrontend
from engine.text.pauses import cut_at_pauses, pause_before, pause_behind, without_pause
from engine.types import SplitPolicy


@pytest.mark.parametrize(
    ("tag", "seconds"),
    [
        ('<break time="700ms"/>', 0.7),
        ("<break time='1.5s' />", 1.5),
        ("<BREAK TIME=2s></BREAK>", 2.0),
        ('<break time="900s"/>', 10.0),
        ("<break/>", 0.5),
        ('<break strength="strong"/>', 0.8),
        ('<break strength="loud"/>', 0.5),
    ],
)
def test_a_pause_is_read_as_ssml_writes_it(tag: str, seconds: float) -> None:
    assert cut_at_pauses(f"One. {tag} Two.") == [("One. ", seconds), (" Two.", 0.0)]


def test_pauses_that_follow_each_other_add_up() -> None:
    text = 'a <break time="1s"/> <break time="300ms"/>b<break time="2s"/>'
    assert [round(pause, 3) for _, pause in cut_at_pauses(text)] == [1.3, 2.0]


def test_a_pause_before_all_words_is_told_apart() -> None:
    assert pause_before('<break time="1s"/>One.') == 1.0
    assert pause_before('One.<break time="1s"/>') == 0.0


def test_no_other_tag_is_a_pause() -> None:
    assert cut_at_pauses("a <breaking> b <br/> 1 < 2") == [("a <breaking> b <br/> 1 < 2", 0.0)]


@pytest.mark.parametrize("language", ["en", "zh", "fr", "auto"])
def test_pauses_stand_behind_their_pieces_and_are_not_read(language: str) -> None:
    frontend = TextFrontend("v2")
    text = 'One, two <break time="1s"/> three. Four <break time="2s"/>'
    pieces = frontend.sentences(text, language, SplitPolicy.NONE)
    assert [pause_behind(piece) for piece in pieces] == [1.0, 2.0]
    for piece in pieces:
        plain = frontend.phonemes(without_pause(piece), language)
        assert frontend.phonemes(piece, language) == plain


def test_many_open_tags_take_little_time() -> None:
    started = time.process_time()
    cut_at_pauses("<break " * 20_000)
    assert time.process_time() - started < 2.0
