"""Cuts a text that is still being written into clauses that can be spoken already.

Text comes in pieces that are cut anywhere. A clause is handed out where a mark ends it, where it
grows long without a mark, or when its writer pauses; never inside a number, an abbreviation, an
address, a link, a tag or a row of a table, so that cleaning each clause by itself leaks no markup.
Fenced code is dropped as it comes; a fence that is never closed hides all that follows.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from engine.text.width import WIDE, WIDE_WIDTH, text_width

_FENCE = re.compile(r"^[ \t]*(?:```|~~~)", re.MULTILINE)
_WIDE_STRONG, _WIDE_WEAK = "。！？…", "，、；：．"
_STRONG, _WEAK = ".!?", ",;:"
_MARK = re.compile(rf"[{_WIDE_STRONG}{_WIDE_WEAK}{_STRONG}{_WEAK}\n]")
_CLOSERS = frozenset("\"'”’)]}*_~`")
_OPEN = re.compile(  # what must be seen to its end before a cut behind its start
    r"!?\[[^\[\]\n]{0,300}\]?$|!?\[[^\[\]\n]{0,300}\]\([^()\n]{0,2000}$"
    r"|<(?:[A-Za-z/!][^<>]{0,500})?$|【[^】\n]{0,30}$|\\$"
)
_CLOSED = re.compile(r"!?\[[^\[\]\n]{0,300}\]\([^()\n]{0,2000}\)|<[A-Za-z/!][^<>]{0,500}>")
_LAST_WORD = re.compile(r"([^\W\d_]+|\d+)\.$")
_TITLES = frozenset(
    ("mr", "mrs", "ms", "dr", "prof", "st", "vs", "etc", "eg", "ie", "no", "fig", "vol", "jr", "sr")
)
_LATER_WEAK_WIDTH = 40
_WINDOW = 4096  # characters that are looked at for one cut
_WIDEST_FENCE = 80


@dataclass(frozen=True, slots=True)
class Clause:
    """A piece `[start, end)` of the whole text, as it was written."""

    text: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class ClauseRules:
    """Widths count a CJK character as 3, any other as 1.

    Clauses narrower than `min_width` wait for the next one; text wider than `max_width` is cut
    without a mark.
    """

    min_width: int = 8
    max_width: int = 240


class ClauseAssembler:
    """Holds what was written and not yet handed out."""

    def __init__(self, rules: ClauseRules | None = None) -> None:
        self._rules = rules or ClauseRules()
        self._pending, self._start = "", 0
        self._at_line_start, self._in_fence, self._is_first = True, False, True

    @property
    def pending(self) -> bool:
        """Whether something that can be spoken waits."""
        return not self._in_fence and _is_spoken(self._pending)

    @property
    def end(self) -> int:
        """How many characters were written so far."""
        return self._start + len(self._pending)

    def feed(self, text: str) -> list[Clause]:
        """Take more text in; the clauses that it ends."""
        self._pending += text
        return list(self._cut_all())

    def settle(self) -> list[Clause]:
        """The whole words that wait, because no more came for a while."""
        until = self._settled()
        return [] if self._in_fence else [*self._cut_all(), *self._take(until)]

    def flush(self) -> list[Clause]:
        """All that waits."""
        clauses = list(self._cut_all())
        if self._in_fence:
            self._drop(len(self._pending))
        return [*clauses, *self._take(len(self._pending))]

    def discard(self) -> None:
        """Forget what waits."""
        self._drop(len(self._pending))

    def _cut_all(self) -> Iterator[Clause]:
        while True:
            if self._in_fence:
                if not self._skip_code():
                    return
                continue
            fence = self._fence()
            until = len(self._pending) if fence is None else fence
            if cut := self._find_cut(self._pending[: min(until, _WINDOW)]):
                yield from self._take(cut)
            elif fence is None:
                return
            else:
                yield from self._take(fence)
                self._in_fence = True
                if not self._drop_line():
                    self._in_fence = False
                    return

    def _fence(self) -> int | None:
        """Where a fence line begins, of those that stand within the window."""
        for match in _FENCE.finditer(self._pending, 0, _WINDOW + _WIDEST_FENCE):
            if match.start() or self._at_line_start:
                return match.start()
        return None

    def _skip_code(self) -> bool:
        """Drop a line inside a fence, or what is there of one too long; whether a line ended."""
        closes = self._at_line_start and _FENCE.match(self._pending) is not None
        ended = self._drop_line()
        if not ended and len(self._pending) < _WINDOW:
            return False
        if not ended:
            self._drop(len(self._pending))
        self._in_fence = not closes
        return ended

    def _drop_line(self) -> bool:
        line, newline, _ = self._pending.partition("\n")
        if newline:
            self._drop(len(line) + 1)
        return bool(newline)

    def _find_cut(self, text: str) -> int:
        """Where the first clause of `text` ends; 0 if it goes on."""
        limit = _index_at_width(text, self._rules.max_width)
        barred = _barred(text)
        for match in _MARK.finditer(text):
            cut = self._boundary(text, match.start())
            if cut > limit:
                break
            if cut and not _is_inside(cut, barred):
                return cut
        return 0 if limit >= len(text) else _forced_cut(text, limit, barred)

    def _boundary(self, text: str, at: int) -> int:
        """Where the clause ends that the mark at `at` closes; 0 if it closes none."""
        mark, cut = text[at], at + 1
        line = text[text.rfind("\n", 0, at) + 1 : cut]
        starts_line = len(line) < cut or self._at_line_start
        if mark != "\n" and starts_line and line.lstrip().startswith("|"):
            return 0
        if mark in _STRONG + _WEAK:
            while cut < len(text) and text[cut] in _CLOSERS:
                cut += 1
            if cut == len(text) or not text[cut].isspace() or _is_abbreviation(line, starts_line):
                return 0
        if mark == "\n" and not _is_spoken(text[:cut]):
            return text.rfind("\n", 0, _first_spoken(text)) + 1
        return cut if text_width(text[:cut].strip()) >= self._least(mark) else 0

    def _least(self, mark: str) -> int:
        """How wide a clause must be that ends in `mark`: the first may be short, to be soon."""
        is_weak = mark in _WIDE_WEAK + _WEAK
        least = self._rules.min_width
        return max(least, _LATER_WEAK_WIDTH) if is_weak and not self._is_first else least

    def _settled(self) -> int:
        """Where the last whole word ends."""
        text = self._pending
        until = min((start for start, end in _barred(text) if end > len(text)), default=len(text))
        for end in range(until, 0, -1):
            last = text[end - 1]
            if last.isspace() or WIDE.match(last) or last in _STRONG + _WEAK + "…":
                return end if _is_spoken(text[:end]) else 0
        return 0

    def _take(self, length: int) -> Iterator[Clause]:
        text, start = self._pending[:length], self._start
        self._drop(length)
        if _is_spoken(text):
            self._is_first = False
            yield Clause(text, start, start + length)

    def _drop(self, length: int) -> None:
        if length:
            self._at_line_start = self._pending[length - 1] == "\n"
            self._pending, self._start = self._pending[length:], self._start + length


def _barred(text: str) -> list[tuple[int, int]]:
    """Stretches of `text` that must stay whole; one that is still open ends behind the text."""
    spans = [match.span() for match in _CLOSED.finditer(text)]
    unclosed = _OPEN.search(text, spans[-1][1] if spans else 0)
    return spans if unclosed is None else [*spans, (unclosed.start(), len(text) + 1)]


def _is_inside(cut: int, spans: list[tuple[int, int]]) -> bool:
    return any(start < cut < end for start, end in spans)


def _forced_cut(text: str, limit: int, barred: list[tuple[int, int]]) -> int:
    """The last place up to `limit` where words part, else the first behind it; 0 if none.

    Where nothing is said, and in a word as long as the window, any place is one.
    """
    first = _first_spoken(text)
    if first == len(text):
        return limit
    for cut in (*range(limit, first, -1), *range(max(limit, first) + 1, len(text))):
        parts = text[cut - 1].isspace() or WIDE.match(text[cut - 1])
        if parts and not _is_inside(cut, barred):
            return cut
    if len(text) < _WINDOW:
        return 0
    return next((min(end, len(text)) for start, end in barred if start < limit < end), limit)


def _is_abbreviation(line: str, starts_line: bool) -> bool:
    """Whether the full stop that ends `line` is one of `Dr.`, `J.` or of a list's `1.`."""
    word = _LAST_WORD.search(line)
    if word is None:
        return False
    if word[1].isdigit():
        return starts_line and line[: word.start()].strip() in ("", "-", "*", ">", "#", "##", "###")
    return len(word[1]) == 1 or word[1].lower() in _TITLES


def _index_at_width(text: str, width: int) -> int:
    """How many characters of `text` fit into `width`."""
    wide = 0
    for index, char in enumerate(text):
        wide += WIDE_WIDTH if WIDE.match(char) else 1
        if wide > width:
            return index
    return len(text)


def _is_spoken(text: str) -> bool:
    return _first_spoken(text) < len(text)


def _first_spoken(text: str) -> int:
    """Where the first letter or digit stands; behind the text if it has none."""
    return next((index for index, char in enumerate(text) if char.isalnum()), len(text))
