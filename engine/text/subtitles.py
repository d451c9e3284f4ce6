"""Subtitles of timed sentences, as SubRip (SRT) or WebVTT.

Clauses that follow each other closely share a cue as long as it stays readable; a long sentence is
cut between words. The limits are those that broadcasters commonly set: two lines of 42 characters
(21 CJK ones), seven seconds.

Reference: W3C, "WebVTT: The Web Video Text Tracks Format", sections 4.1 and 4.2.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from engine.text.tokens import is_cjk
from engine.types import SentenceTiming

LINE_WIDTH = 42
LINES = 2
LONGEST_S = 7.0
LONGEST_GAP_S = 0.7  # longer silences begin a new cue
SHORTEST_S = 0.3


class SubtitleFormat(StrEnum):
    """How subtitles are written."""

    SRT = "srt"
    WEBVTT = "vtt"


@dataclass(frozen=True, slots=True)
class Cue:
    """A text that is shown from `start_s` to `end_s`."""

    text: str
    start_s: float
    end_s: float


def subtitles(timings: Iterable[SentenceTiming], form: SubtitleFormat) -> str:
    """The whole subtitle file."""
    return write_cues(make_cues(timings), form)


def make_cues(timings: Iterable[SentenceTiming]) -> list[Cue]:
    """The cues of the sentences, in order, none before the one before it has ended."""
    cues: list[Cue] = []
    for part in (part for timing in timings for part in _parts(timing)):
        joined = _joined(cues[-1], part) if cues else None
        if joined is not None:
            cues[-1] = joined
        else:
            cues.append(part)
    followers: list[Cue | None] = [*cues[1:], None]
    return [_long_enough(cue, after) for cue, after in zip(cues, followers, strict=False)]


def write_cues(cues: Sequence[Cue], form: SubtitleFormat) -> str:
    """The file that shows `cues`."""
    comma = "," if form is SubtitleFormat.SRT else "."
    blocks = [] if form is SubtitleFormat.SRT else ["WEBVTT\n"]
    for number, cue in enumerate(cues, start=1):
        times = f"{_clock(cue.start_s, comma)} --> {_clock(cue.end_s, comma)}"
        text = "\n".join(_lines(cue.text))
        if form is SubtitleFormat.WEBVTT:
            text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
        blocks.append(f"{number}\n{times}\n{text}\n")
    return "\n".join(blocks)


def _parts(timing: SentenceTiming) -> Iterator[Cue]:
    """A sentence in cues of at most the readable width, cut before a word."""
    text, begin, start_s = timing.sentence.text, 0, timing.sentence.start_s
    cursor, end_s = 0, timing.sentence.start_s
    for unit in timing.units:
        at = text.find(unit.text, cursor)
        if at < 0:
            continue
        cursor = at + len(unit.text)
        too_wide = _width(text[begin:cursor]) > LINE_WIDTH * LINES
        if at > begin and (too_wide or unit.end_s - start_s > LONGEST_S):
            yield Cue(text[begin:at].strip(), start_s, end_s)
            begin, start_s = at, unit.start_s
        end_s = unit.end_s
    yield Cue(text[begin:].strip(), start_s, timing.sentence.end_s)


def _joined(cue: Cue, following: Cue) -> Cue | None:
    """Both as one, if that can be read."""
    space = "" if is_cjk(following.text[:1]) else " "
    text = f"{cue.text}{space}{following.text}"
    fits = _width(text) <= LINE_WIDTH * LINES and following.end_s - cue.start_s <= LONGEST_S
    is_close = following.start_s - cue.end_s <= LONGEST_GAP_S
    return Cue(text, cue.start_s, following.end_s) if fits and is_close else None


def _long_enough(cue: Cue, following: Cue | None) -> Cue:
    """`cue` shown for a moment at least, but not into the next one."""
    end_s = max(cue.end_s, cue.start_s + SHORTEST_S)
    return replace(cue, end_s=end_s if following is None else min(end_s, following.start_s))


def _lines(text: str) -> list[str]:
    """`text` in lines, cut as evenly as spaces allow, CJK text anywhere."""
    if _width(text) <= LINE_WIDTH:
        return [text]
    places = [at for at in range(1, len(text)) if text[at] == " " or is_cjk(text[at - 1 : at + 1])]
    if not places:
        return [text]
    middle = min(places, key=lambda at: abs(_width(text[:at]) - _width(text[at:])))
    return [text[:middle].strip(), text[middle:].strip()]


def _width(text: str) -> int:
    """Columns: a CJK character takes two."""
    return len(text) + sum(is_cjk(char) for char in text)


def _clock(seconds: float, mark: str) -> str:
    milliseconds = max(0, round(seconds * 1000))
    minutes, rest = divmod(milliseconds, 60_000)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02d}:{minutes:02d}:{rest // 1000:02d}{mark}{rest % 1000:03d}"
