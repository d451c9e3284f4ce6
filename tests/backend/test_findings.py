"""Sentences that were spoken again, as callers and the log see them."""

from __future__ import annotations

import pytest
from gptsovits.tts.v1 import tts_pb2

from backend.convert.reports import to_findings
from backend.convert.speech import MAX_PRONUNCIATIONS, to_pronunciations
from backend.errors import InvalidFieldError, violated_field
from backend.interceptors.logging import describe
from backend.request import RequestRecord
from engine.errors import PronunciationError
from engine.types import Finding, Flaw, Pronunciation

FINDINGS = (Finding(2, Flaw.LOOP, 2, resolved=True), Finding(5, Flaw.TOO_SHORT, 3, resolved=False))


@pytest.mark.parametrize("flaw", Flaw)
def test_every_flaw_has_a_name_in_the_api(flaw: Flaw) -> None:
    (message,) = to_findings([Finding(4, flaw, 3, resolved=True)])
    assert tts_pb2.SentenceFlaw.Name(message.flaw) == f"SENTENCE_FLAW_{flaw.name}"
    assert (message.sentence, message.attempts, message.resolved) == (4, 3, True)


def test_words_that_were_left_out_reach_the_caller_and_not_the_log() -> None:
    finding = Finding(1, Flaw.LEFT_OUT, 1, resolved=False, left_out="привет")
    assert to_findings([finding])[0].left_out == "привет"
    line = describe(RequestRecord("id", "/service/Synthesize", findings=(finding,)), "OK")
    assert " findings=1:left_out:1:kept" in line
    assert "привет" not in line


def test_the_log_line_tells_what_was_spoken_again() -> None:
    record = RequestRecord("id", "/service/Synthesize", findings=FINDINGS)
    assert " findings=2:loop:2:resolved,5:too_short:3:kept" in describe(record, "OK")
    assert "findings" not in describe(RequestRecord("id", "/service/Synthesize"), "OK")


def test_pronunciations_become_those_of_the_engine() -> None:
    messages = [
        tts_pb2.Pronunciation(word="SQL", alias="sequel"),
        tts_pb2.Pronunciation(word="行", language="ZH", phonemes="hang2"),
    ]
    assert to_pronunciations(messages, "input.pronunciations") == (
        Pronunciation("SQL", alias="sequel"),
        Pronunciation("行", "zh", phonemes="hang2"),
    )


def test_too_many_pronunciations_are_refused() -> None:
    many = [tts_pb2.Pronunciation(word="a", alias="b")] * (MAX_PRONUNCIATIONS + 1)
    with pytest.raises(InvalidFieldError, match="the limit is 1000"):
        to_pronunciations(many, "input.pronunciations")


def test_a_wrong_pronunciation_names_its_field() -> None:
    error = PronunciationError("no pinyin", "pronunciations[3].phonemes")
    assert violated_field(error, "input") == "input.pronunciations[3].phonemes"
