"""Where the sentences that are read stand in the text that the caller gave.

Cleaning removes markup, code and addresses and rewrites a few signs, so a sentence is found again
by its words: each is looked for close behind the one before it. A far jump (over a code block)
needs three words in a row. Takes time linear in the text.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from engine.text.tokens import Token, spoken_tokens

_NEAR = 48
_SURE = 2
_RUN = 3
_CLOSE = 4


@dataclass(frozen=True, slots=True)
class LocatedToken:
    """A token of a sentence: its `key`, and its span in the caller's text if it stands there."""

    text: str
    key: str
    span: tuple[int, int] | None


class Locator:
    """Finds the sentences of one text, to be asked for in order."""

    def __init__(self, text: str) -> None:
        self._tokens = spoken_tokens(text)
        self._keys = [token.key for token in self._tokens]
        self._next = 0

    def locate(self, sentence: str) -> list[LocatedToken]:
        """The tokens of the next `sentence`."""
        wanted = spoken_tokens(sentence)
        keys = [token.key for token in wanted]
        return [self._located(token, keys, index) for index, token in enumerate(wanted)]

    def _located(self, token: Token, keys: Sequence[str], index: int) -> LocatedToken:
        at = self._near(keys, index)
        if at is None:
            at = self._far(keys, index)
        if at is None:
            return LocatedToken(token.text, keys[index], None)
        self._next = at + 1
        found = self._tokens[at]
        return LocatedToken(token.text, keys[index], (found.start, found.end))

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
