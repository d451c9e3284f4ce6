"""Cutting long texts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugin.tools.parts import PART_CHARACTERS, cut


@given(st.text(), st.integers(1, 40))
def test_the_parts_are_the_text_and_none_is_too_long(text: str, limit: int) -> None:
    parts = list(cut(text, limit))
    assert "".join(parts) == text
    assert all(0 < len(part) <= limit for part in parts)


def test_a_short_text_stays_whole() -> None:
    assert list(cut("Good morning.")) == ["Good morning."]
    assert list(cut("")) == []
    assert len(list(cut("a" * PART_CHARACTERS))) == 1


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("One two. Three four.\n\nFive six seven.", "One two. Three four.\n\n"),
        ("One two three.\nFour five six seven eight.", "One two three.\n"),
        ("It costs 3.14 today. And nobody pays.", "It costs 3.14 today. "),
        (
            "今日は晴れです。明日は雨が降るでしょう。傘を持って行きましょう。",
            "今日は晴れです。明日は雨が降るでしょう。",
        ),
        ("他说：“走吧！”然后他们一起走了，走了很久很久。", "他说：“走吧！”"),
        ("first clause here, second clause goes on", "first clause here, "),
        ("no stop at all in this very long text", "no stop at all in this "),
    ],
)
def test_a_text_is_cut_where_a_reader_breathes(text: str, first: str) -> None:
    assert next(cut(text, 26 if text.isascii() else 20)) == first
