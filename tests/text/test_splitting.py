"""Texts are cut where the policies say, and pieces of like length share a batch."""

from __future__ import annotations

import time

import pytest

from engine.text.splitting import collapse_marks, finish_sentence, plan_batches, split_text
from engine.types import SplitPolicy

TEXT = "First, a clause. Then another one; is it 3.5 km? Yes! 然后，第三句。最后一句"


def test_uncut_text_is_one_piece() -> None:
    assert split_text(TEXT, "en", SplitPolicy.NONE) == [TEXT + "."]


def test_punctuation_cuts_at_every_mark_but_decimal_points() -> None:
    assert split_text(TEXT, "zh", SplitPolicy.PUNCTUATION) == [
        "First,",
        " a clause.",
        " Then another one;。",
        " is it 3.5 km?",
        " Yes!",
        " 然后，第三句。最后一句。",
    ]


def test_four_clauses_make_a_piece() -> None:
    text = "一句话，二句话，三句话，四句话，五句话，六句话，七句话，八句话，九句话。"
    pieces = split_text(text, "zh", SplitPolicy.FOUR_CLAUSES)
    assert [piece.count("，") + piece.count("。") for piece in pieces] == [4, 6]


def test_fifty_characters_make_a_piece() -> None:
    pieces = split_text("这句话正好有十个字呢。" * 12, "zh", SplitPolicy.FIFTY_CHARACTERS)
    assert [len(piece) for piece in pieces] == [55, 77]


def test_english_stop_leaves_decimals_whole() -> None:
    pieces = split_text("It is 3.5. Then more.", "en", SplitPolicy.ENGLISH_STOP)
    assert pieces == ["It is 3.5. Then more."]
    pieces = split_text("It is late. Then more.", "en", SplitPolicy.ENGLISH_STOP)
    assert pieces == ["It is late.", " Then more."]


def test_short_pieces_join_the_next() -> None:
    pieces = split_text("好，嗯嗯，我们现在出发。", "zh", SplitPolicy.PUNCTUATION)
    assert pieces == ["好，嗯嗯，", "我们现在出发。"]


@pytest.mark.parametrize("text", ["", "\n", "...", "，。！", " ", "……\n——"])
@pytest.mark.parametrize("policy", list(SplitPolicy))
def test_text_without_words_has_no_pieces(text: str, policy: SplitPolicy) -> None:
    assert split_text(text, "zh", policy) == []


@pytest.mark.parametrize("policy", list(SplitPolicy))
@pytest.mark.parametrize("unit", ["a", "你", "a ", "word. ", "，", ".", "\n", "1.1", "a\n", "-"])
def test_pieces_are_bounded_and_found_in_linear_time(unit: str, policy: SplitPolicy) -> None:
    text = unit * (100_000 // len(unit))
    started = time.process_time()
    pieces = split_text(collapse_marks(text), "en", policy)
    assert time.process_time() - started < 3.0
    assert all(len(piece) <= 510 for piece in pieces)


def test_no_character_is_lost_in_a_long_text() -> None:
    text = "".join(f"sentence number {index} goes on and on " for index in range(300)) + "."
    pieces = split_text(text, "en", SplitPolicy.PUNCTUATION)
    assert "".join(pieces) == text


def test_runs_of_marks_become_one() -> None:
    assert collapse_marks("What?! Well... yes -- 真的……吗") == "What? Well. yes - 真的…吗"


def test_sentence_is_finished_in_its_language() -> None:
    assert finish_sentence("Hello\n", "en") == "Hello."
    assert finish_sentence("你好", "zh") == "你好。"
    assert finish_sentence("你好！", "zh") == "你好！"


def test_batches_hold_pieces_of_like_length() -> None:
    assert plan_batches([5, 40, 12, 41, 6], 2) == [[0, 4], [2, 1], [3]]
    assert plan_batches([5, 40, 10, 41, 6, 7], 3) == [[0, 4, 5], [2, 1, 3]]
    assert plan_batches([5, 40, 10, 6], 4) == [[0, 3, 2], [1]]
    assert plan_batches([1, 2, 3], 20, threshold=0.0) == [[0, 1, 2]]
    assert plan_batches([], 4) == []


@pytest.mark.parametrize(
    ("text", "language", "pieces"),
    [
        ("one two three four five six", "en", ["one two three,", "four five six."]),
        ("it is late, so we go home", "en", ["it is late,", "so we go home."]),
        ("我们今天去公园走了一会儿", "zh", ["我们今天去公，", "园走了一会儿。"]),
        ("short enough here", "en", ["short enough here."]),
        ("see " + "ab" * 24 + ".", "en", ["see " + "ab" * 10 + ",", "ab" * 10 + ",", "abababab."]),
        ("1 2 3 4 5 6", "en", ["1 2 3,", "4 5 6."]),
        ("abcdefghijklmnopqrstuvwxyzabcdef", "en", ["abcdefghijklmnopqrstuvwxyzabcdef."]),
    ],
)
def test_wide_pieces_are_cut_in_even_parts(text: str, language: str, pieces: list[str]) -> None:
    assert split_text(text, language, SplitPolicy.NONE, widest=20) == pieces
