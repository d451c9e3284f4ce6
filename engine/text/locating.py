"""Where the sentences that are read stand in the text that the caller gave.

Cleaning removes markup, code and addresses and rewrites a few signs, so a sentence is found again
by its words: each is looked for close behind the one before it. A far jump (over a code block)
needs three words in a row. What is read in other words, such as a date, stands between those that
were found. Takes time linear in the text.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from engine.text.tokens import spoken_tokens

_MARK = re.compile(r"[,.;:!?]\s|[，。；：！？、\n]")
_NEAR = 48
_SURE = 2
_RUN = 3
_CLOSE = 4
_LONGEST_REWRITTEN = 8  # tokens; more between two words is markup or code


@dataclass(frozen=True, slots=True)
class LocatedToken:
    """A token of a sentence: its `key`, and its span in the caller's text if it stands there.

    Of tokens that are written otherwise there, the first has the span of all.
    """

    text: str
    key: str
    span: tuple[int, int] | None


class Locator:
    """Finds the sentences of one text, to be asked for in order."""

    def __init__(self, text: str) -> None:
        self._text, self._tokens = text, spoken_tokens(text)
        self._keys = [token.key for token in self._tokens]
        self._next = 0

    def locate(self, sentence: str) -> list[LocatedToken]:
        """The tokens of the next `sentence`."""
        wanted, free = spoken_tokens(sentence), self._next
        keys = [token.key for token in wanted]
        places = [self._place(keys, index) for index in range(len(keys))]
        located = []
        for index, (token, at) in enumerate(zip(wanted, places, strict=True)):
            if at is not None:
                span: tuple[int, int] | None = self._span(at, at + 1)
                free = at + 1
            else:
                is_first = not index or places[index - 1] is not None
                span = self._rewritten(free, places[index:]) if is_first else None
            located.append(LocatedToken(token.text, keys[index], span))
        return located

    def _place(self, keys: Sequence[str], index: int) -> int | None:
        at = self._near(keys, index)
        if at is None:
            at = self._far(keys, index)
        if at is not None:
            self._next = at + 1
        return at

    def _rewritten(self, begin: int, places: Sequence[int | None]) -> tuple[int, int] | None:
        """The span of what stands from `begin` to the first of `places`, if it is short.

        Where a sentence ends in such words, it is the numbers and signs up to the next mark.
        """
        end = next((at for at in places if at is not None), None)
        if end is None:
            end = self._next = self._numbers_until(begin)
        return self._span(begin, end) if 0 < end - begin <= _LONGEST_REWRITTEN else None

    def _numbers_until(self, begin: int) -> int:
        end = begin
        for token in self._tokens[begin : begin + _LONGEST_REWRITTEN]:
            between = self._text[self._tokens[end - 1].end : token.start] if end > begin else ""
            if any(map(str.isalpha, token.text)) or _MARK.search(between):
                break
            end += 1
        return end

    def _span(self, begin: int, end: int) -> tuple[int, int]:
        return self._tokens[begin].start, self._tokens[end - 1].end

    def _near(self, keys: Sequence[str], index: int) -> int | None:
        """The place of the word among the next few, sure of it only where its follower is too."""
        until = min(self._next + _NEAR, len(self._keys))
        for at in range(self._next, until):
            if self._keys[at] != keys[index]:
                continue
            if at - self._next <= _SURE or index + 1 == len(keys):
                return at
            if keys[index + 1] in self._keys[at + 1 : at + 1 + _CLOSE]:
                return at
        return None

    def _far(self, keys: Sequence[str], index: int) -> int | None:
        places = self._runs.get(tuple(keys[index : index + _RUN]), [])
        first = bisect_left(places, self._next)
        return places[first] if first < len(places) else None

    @cached_property
    def _runs(self) -> dict[tuple[str, ...], list[int]]:
        """Where each run of three words begins."""
        runs: dict[tuple[str, ...], list[int]] = {}
        for at in range(len(self._keys) - _RUN + 1):
            runs.setdefault(tuple(self._keys[at : at + _RUN]), []).append(at)
        return runs
