"""Subtitles of timed sentences, as SubRip (SRT) or WebVTT.

Clauses that follow each other closely share a cue as long as it stays readable; a long sentence is
cut between words. The limits are those that broadcasters commonly set: two lines of 42 characters
(21 CJK ones), seven seconds.

Reference: W3C, "WebVTT: The Web Video Text Tracks Format", sections 4.1 and 4.2.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import accumulate
from unicodedata import east_asian_width

from engine.text.tokens import is_cjk
from engine.types import SentenceTiming, TimedText

LINE_WIDTH = 42
LINES = 2
LONGEST_S = 7.0
LONGEST_GAP_S = 0.7  # longer silences begin a new cue
SHORTEST_S = 0.3
LEAST_S = 0.1  # where the next cue is due
CLOSING, OPENING = "，。、；：？！…）」』》”’,.;:?!)", "（「『《“‘("


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
    return list(_in_turn(cues))


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
    """A sentence in cues that can be read, cut before a word."""
    text, begin, start_s = timing.sentence.text, 0, timing.sentence.start_s
    words, end_s = list(_places(timing)), timing.sentence.start_s
    ends = [*(at for at, _ in words[1:]), len(text)]
    for (at, unit), end in zip(words, ends, strict=False):
        too_wide = not _fits(text[begin:end].strip())
        if at > begin and text[begin:at].strip() and (too_wide or unit.end_s - start_s > LONGEST_S):
            yield Cue(text[begin:at].strip(), start_s, end_s)
            begin, start_s = at, unit.start_s
        end_s = unit.end_s
    yield Cue(text[begin:].strip(), start_s, timing.sentence.end_s)


def _places(timing: SentenceTiming) -> Iterator[tuple[int, TimedText]]:
    """Where the timed words stand in the sentence."""
    cursor = 0
    for unit in timing.units:
        at = timing.sentence.text.find(unit.text, cursor)
        if at >= 0:
            cursor = at + len(unit.text)
            yield at, unit


def _joined(cue: Cue, following: Cue) -> Cue | None:
    """Both as one, if that can be read."""
    space = "" if is_cjk(following.text[:1]) else " "
    text = f"{cue.text}{space}{following.text}"
    fits = _fits(text) and following.end_s - cue.start_s <= LONGEST_S
    is_close = following.start_s - cue.end_s <= LONGEST_GAP_S
    return Cue(text, cue.start_s, following.end_s) if fits and is_close else None


def _in_turn(cues: Sequence[Cue]) -> Iterator[Cue]:
    """The cues shown for a moment at least, which is short where the next one is due."""
    free_s = 0.0
    for cue, following in zip(cues, [*cues[1:], None], strict=False):
        start_s = max(cue.start_s, free_s)
        end_s = max(cue.end_s, start_s + SHORTEST_S)
        if following is not None:
            end_s = min(end_s, max(following.start_s, start_s + LEAST_S))
        yield Cue(cue.text, start_s, end_s)
        free_s = end_s


def _fits(text: str) -> bool:
    """Whether it can be read in as many lines as a cue has."""
    return all(_width(line) <= LINE_WIDTH for line in _lines(text))


def _lines(text: str) -> list[str]:
    """`text` in lines, cut as evenly as spaces allow, CJK text anywhere."""
    if _width(text) <= LINE_WIDTH:
        return [text]
    widths = [0, *accumulate(map(_width, text))]
    places = [at for at in range(1, len(text)) if text[at] == " " or _parts_between(text, at)]
    if not places:
        return [text]
    middle = min(places, key=lambda at: abs(2 * widths[at] - widths[-1]))
    return [text[:middle].strip(), text[middle:].strip()]


def _parts_between(text: str, at: int) -> bool:
    """Whether a line may end before `at`: at a wide character, but marks stay with their words."""
    is_wide = _is_wide(text[at - 1]) or _is_wide(text[at])
    return is_wide and text[at] not in CLOSING and text[at - 1] not in OPENING


def _width(text: str) -> int:
    """Columns: CJK characters and their marks take two."""
    return len(text) + sum(map(_is_wide, text))


def _is_wide(char: str) -> bool:
    return east_asian_width(char) in "WF"


def _clock(seconds: float, mark: str) -> str:
    milliseconds = max(0, round(seconds * 1000))
    minutes, rest = divmod(milliseconds, 60_000)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02d}:{minutes:02d}:{rest // 1000:02d}{mark}{rest % 1000:03d}"
