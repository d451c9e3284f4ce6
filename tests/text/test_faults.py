"""What a library does to one text stays with that text."""

from __future__ import annotations

import logging

import pytest

from engine.errors import EmptyTextError, ReadingError
from engine.text.faults import kept_to_text
from engine.text.frontend import TextFrontend
from engine.types import PhonemeSegment, SplitPolicy

SECRET = "swordfish"


class Broken:
    """A front end whose library has a fault."""

    def read(self, text: str) -> PhonemeSegment:
        """Fail on a word."""
        raise KeyError({}[text])


def test_fault_becomes_an_error_that_tells_its_place_and_not_the_text(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    frontend = TextFrontend()
    monkeypatch.setitem(frontend._frontends, "en", Broken())
    (piece,) = frontend.sentences(f"The {SECRET} swims.", "en", SplitPolicy.NONE)
    with caplog.at_level(logging.INFO), pytest.raises(ReadingError, match="what reads en"):
        frontend.phonemes(piece, "en")
    assert "KeyError at text/test_faults.py:" in caplog.text
    assert SECRET not in caplog.text


def test_answers_to_a_text_stay_what_they_are() -> None:
    with pytest.raises(EmptyTextError), kept_to_text("en"):
        raise EmptyTextError("nothing")
