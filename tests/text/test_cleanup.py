"""Answers of language models lose their Markdown before they are spoken."""

from __future__ import annotations

import time

import pytest

from engine.text.cleanup import clean_text


@pytest.mark.parametrize(
    ("written", "spoken"),
    [
        ("# Title\n\nSome **bold** and *thin* text.", "Title\n\nSome bold and thin text."),
        ("- one\n* two\n+ three\n- [x] four", "one\ntwo\nthree\nfour"),
        ("> quoted\n>> twice", "quoted\ntwice"),
        ("Run `ls -la` now", "Run ls -la now"),
        ('See [the docs](https://a.example/x?y=1 "t").', "See the docs."),
        ("![a cat](cat.png) sleeps", "a cat sleeps"),
        ("Go to https://www.example.com/a/b?c=d, then", "Go to example dot com, then"),
        ("Mail me@mail.example.org today", "Mail me at mail dot example dot org today"),
        ("Done 🎉👍🏽 really ❤️", "Done really"),
        ("a\n---\nb\n***\nc", "a\n\nb\n\nc"),
        ("| x | y |\n|---|:-:|\n| 1 | 2 |", "x, y\n\n1, 2"),
        ("one<br>two &amp; <b>three</b>", "one\ntwo & three"),
        ("3 * 4 = 12 and 2*3", "3 * 4 = 12 and 2*3"),
        ("snake_case_name and _soft_", "snake case name and soft"),
        ("a fact[^1] here【4†source】", "a fact here"),
        ("1 \\* 2", "1 * 2"),
        ("25℃ 🌡", "25℃"),
        ("你好\u200b，世界\ufeff！", "你好，世界！"),
        ("a < b and c > d", "a < b and c > d"),
        ("crlf\r\nline", "crlf\nline"),
        ("1,234,567 of 12,34", "1234567 of 12,34"),
        ("等3-5天，2024-05-06日", "等3~5天，2024-05-06日"),
        ("It works — mostly–well", "It works, mostly, well"),
        ("we don’t", "we don't"),
        ("ＨＥＬＬＯ　Ｗorld１２、ok", "HELLO World12、ok"),
        ("𝐁𝐨𝐥𝐝 𝟒𝟐, oﬃce", "Bold 42, office"),
    ],
)
def test_layout_is_not_read(written: str, spoken: str) -> None:
    assert clean_text(written) == spoken


def test_fenced_code_is_skipped() -> None:
    assert clean_text("Before\n```python\nprint(1)\n```\nAfter") == "Before\nAfter"


def test_open_fence_hides_nothing() -> None:
    assert clean_text("Before\n```\nafter all") == "Before\nafter all"


@pytest.mark.parametrize(
    "unit", ["a", "[", "](", "*", "_", "`", "<", "<a", "|", "#", "> ", "-", "http://", "a@", "a.",
             "\n", " ", "&", "![", "\\", "🎉", "e\u0301", "【", "```\n"]
)  # fmt: skip
def test_time_is_linear_in_the_text(unit: str) -> None:
    text = unit * (100_000 // len(unit))
    started = time.process_time()
    clean_text(text)
    assert time.process_time() - started < 3.0
