"""A text that is still being written is cut where it can be spoken."""

from __future__ import annotations

import pytest

from engine.text.clauses import Clause, ClauseAssembler, ClauseRules
from engine.text.cleanup import clean_text

ANSWER = (
    "Sure! Here is **the plan**, in short: see [the docs, part 2](https://a.example.com/x,y.html)."
    " It costs 3.50, i.e. $1,200 a year; ask Dr. Smith.\n\n"
    "```python\nprint('a, b. c')\n```\n"
    "1. First, wait.\n- [x] Then <b class='a, b'>go</b>, now!\n"
    "| a, b | c. d |\n|---|---|\n\nThat is all of it"
)


def spoken_by(text: str, size: int, rules: ClauseRules | None = None) -> list[Clause]:
    """The clauses of `text` that comes in pieces of `size`, with what is left at the end."""
    assembler = ClauseAssembler(rules)
    clauses: list[Clause] = []
    for start in range(0, len(text), size):
        clauses += assembler.feed(text[start : start + size])
    return clauses + assembler.flush()


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
def test_clauses_are_the_same_however_the_text_comes(size: int) -> None:
    assert spoken_by(ANSWER, size) == spoken_by(ANSWER, 5)


@pytest.mark.parametrize("size", [1, 4])
def test_no_markup_leaks_from_clauses_that_are_cleaned_one_by_one(size: int) -> None:
    spoken = " ".join(clean_text(clause.text) for clause in spoken_by(ANSWER, size))
    assert not set("*[]()`<>|#") & set(spoken)
    for hidden in ("https", "print", "class", "---"):
        assert hidden not in spoken
    for kept in ("the plan", "the docs, part 2", "3.50", "Dr. Smith", "First", "go", "all of it"):
        assert kept in spoken


def test_clauses_know_their_place() -> None:
    for clause in spoken_by(ANSWER, 3):
        assert ANSWER[clause.start : clause.end] == clause.text


def test_first_clause_leaves_with_the_character_behind_its_mark() -> None:
    assembler = ClauseAssembler()
    assert not assembler.feed("Good morning,")
    (clause,) = assembler.feed(" and")
    assert clause.text == "Good morning,"


def test_wide_mark_ends_a_clause_at_once() -> None:
    assembler = ClauseAssembler()
    assert [clause.text for clause in assembler.feed("今天天气很好，")] == ["今天天气很好，"]


@pytest.mark.parametrize(
    "text",
    [
        "It is 3.14 or 1,000 of them at 10:30 o'clock",
        "Mr. Brown met J. R. Green",
        "see www.example.com/a,b?c=d.e",
        "Well, ok",
        "[a, b. c",
        "【12†source, x",
    ],
)
def test_unfinished_or_short_things_are_not_cut(text: str) -> None:
    assert not ClauseAssembler().feed(text)


def test_later_clauses_wait_for_a_full_stop_or_get_long() -> None:
    texts = [clause.text for clause in spoken_by("At first this, then that, and so on. End", 1)]
    assert texts == ["At first this,", " then that, and so on.", " End"]


@pytest.mark.parametrize(("text", "longest"), [("word " * 200, 60), ("字" * 200, 20)])
def test_text_without_marks_is_cut_between_words(text: str, longest: int) -> None:
    clauses = spoken_by(text, 1, ClauseRules(8, 60))
    assert "".join(clause.text for clause in clauses) == text.rstrip() + " " * text.endswith(" ")
    assert max(len(clause.text) for clause in clauses) <= longest
    assert not [c for c in clauses[:-1] if c.text[-1] not in " 字"]


def test_pause_of_the_writer_brings_out_whole_words_alone() -> None:
    assembler = ClauseAssembler()
    assembler.feed("I think that we sho")
    assert [clause.text for clause in assembler.settle()] == ["I think that we "]
    assert not assembler.settle()
    assembler.feed("uld go")
    assert [clause.text for clause in assembler.flush()] == ["should go"]


def test_pause_inside_a_link_does_not_tear_it() -> None:
    assembler = ClauseAssembler()
    assembler.feed("Look at [these pa")
    assert [clause.text for clause in assembler.settle()] == ["Look at "]


def test_code_is_dropped_while_it_comes_and_takes_no_room() -> None:
    assembler = ClauseAssembler()
    clauses = assembler.feed("Run this:\n```sh\n")
    for _ in range(1000):
        assert not assembler.feed("rm -r build, dist. now\n")
        assert not assembler.pending
    clauses += assembler.feed("```\nand then rest. ")
    assert [clause.text for clause in clauses] == ["Run this:", "and then rest."]


@pytest.mark.parametrize(
    "piece", ["a", "- ", "[", "*", "`", "```\ncode", "<a ", "|x", "\\", "\n", "\n \n", ". "]
)
def test_no_text_piles_up_or_takes_long(piece: str) -> None:
    assembler = ClauseAssembler()
    said = 0
    for _ in range(30):
        said += sum(len(clause.text) for clause in assembler.feed(piece * 1000))
        assert assembler.end - said < 40_000 or not assembler.pending
    assembler.flush()
    assert assembler.end == 30_000 * len(piece)


def test_word_without_an_end_is_handed_out_in_parts() -> None:
    assembler = ClauseAssembler()
    clauses = [*assembler.feed("a" * 30_000), *assembler.flush()]
    assert "".join(clause.text for clause in clauses) == "a" * 30_000


def test_code_line_without_an_end_takes_no_room_and_its_fence_still_closes() -> None:
    assembler = ClauseAssembler()
    assembler.feed("Look:\n```\n")
    for _ in range(50):
        assert not assembler.feed("x" * 1000 + " ``` ")
        assert len(assembler._pending) < 8192
    assembler.feed("\n```\n")
    assert [clause.text for clause in assembler.feed("That is all. ")] == ["That is all."]


def test_what_is_discarded_is_not_spoken() -> None:
    assembler = ClauseAssembler()
    assembler.feed("This is not")
    assembler.discard()
    (clause,) = [*assembler.feed("But this is it."), *assembler.flush()]
    assert (clause.text, clause.start) == ("But this is it.", 11)


def test_marks_alone_are_nothing_to_say() -> None:
    assert not spoken_by("**\n---\n\n 👍 ...", 1)
