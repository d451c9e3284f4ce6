"""What decoding steps know of the rows beside the cache: newest tokens, options, what was said.

All of it lies on the model's device in tensors that keep their places, so that a step needs
nothing of the host and can be recorded once and replayed.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor

from engine.models.random_numbers import STEP, at_step, log_uniform
from engine.models.sampling import (
    RowSampling,
    SamplingOptions,
    candidates,
    penalize_repetition,
)

COLDEST = 1e-5  # a temperature that can be divided by


@dataclass(frozen=True, slots=True)
class Choosing:
    """How the tokens of a sentence are chosen.

    `key` of its random numbers; `made`, how many tokens it has already; `least`, how many it must
    have before it may end.
    """

    sampling: SamplingOptions
    key: int
    made: int = 0
    least: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class _Part:
    """Some rows that follow each other, each tensor a column [B, 1] but `seen` [B, V]."""

    integers: Tensor  # all of them, [6, B, 1]
    top_p: Tensor
    temperature: Tensor
    penalty: Tensor
    seen: Tensor
    tokens: Tensor
    made: Tensor
    least: Tensor
    keys: Tensor
    last: Tensor


class DecodingRows:
    """State of up to `rows` rows, of which the first `live` are in use.

    `alive` [rows] is 1 for those and 0 for the others.
    """

    def __init__(self, rows: int, vocabulary: int, device: torch.device) -> None:
        self.end = vocabulary - 1
        self.live = 0
        self.alive = torch.zeros(rows, dtype=torch.long, device=device)
        self._seen = torch.zeros(rows, vocabulary, dtype=torch.bool, device=device)
        # the newest token, its position, tokens made, least, key at the step, top-k's last place
        self._integers = torch.ones(6, rows, 1, dtype=torch.long, device=device)
        self._floats = torch.ones(3, rows, 1, device=device)  # top-p, temperature, penalty
        advance = (0, 1, 1, 0, STEP, 0)
        self._advance = torch.tensor(advance, device=device)[:, None, None]
        self._options: list[SamplingOptions] = []
        self._parts: dict[tuple[int, int], _Part] = {}

    @property
    def tokens(self) -> Tensor:
        """The newest token of every row [rows]; that of a row that has none means nothing."""
        return self._integers[0, :, 0]

    @property
    def positions(self) -> Tensor:
        """Where the newest token of every row stands among the audio, [rows]."""
        return self._integers[1, :, 0]

    def add(self, choosing: Choosing, history: Tensor) -> None:
        """Take a row in that goes on behind its `history` [T], wherever that is."""
        row, sampling = self.live, choosing.sampling
        key, last = at_step(choosing.key, choosing.made), min(sampling.top_k - 1, self.end)
        integers = (0, len(history) - 1, choosing.made, choosing.least, key, last)
        floats = (sampling.top_p, max(sampling.temperature, COLDEST), sampling.repetition_penalty)
        self._integers[:, row, 0] = torch.tensor(integers).to(self._integers.device)
        self._floats[:, row, 0] = torch.tensor(floats).to(self._floats.device)
        self._seen[row] = False
        self._seen[row, history.to(self._seen.device)] = True
        self._options.append(sampling)
        self.alive[row] = 1
        self.live += 1

    def remove(self, row: int) -> None:
        """Free a row; the last one moves into its place."""
        last = self.live - 1
        if row != last:
            self._options[row] = self._options[last]
            for tensor in (self._integers, self._floats, self._seen[None]):
                tensor[:, row] = tensor[:, last]
        self.shrink(last)

    def shrink(self, rows: int) -> None:
        """Free all rows from `rows` on."""
        if rows < self.live:
            self.alive[rows:] = 0
        self.live = rows
        del self._options[rows:]

    @contextmanager
    def unchanged(self) -> Iterator[None]:
        """Undo what happens to the rows inside."""
        before = self._integers.clone(), self._seen.clone()
        yield
        self._integers.copy_(before[0])
        self._seen.copy_(before[1])

    def choose(self, logits: Tensor, first: int = 0) -> Tensor:
        """The next token [B] of the rows from `first` on, by their logits [B, V].

        They become the rows' newest ones. The end comes where a row's sentence is over.
        """
        rows = len(logits)
        options = self._options[first : first + rows]
        most = max(each.top_k for each in options)
        return self._choose(logits, first, most, any(each.top_p < 1.0 for each in options))

    def choose_as_recorded(self, logits: Tensor) -> Tensor:
        """As `choose`, from the first row on; what is done depends on the shape alone."""
        return self._choose(logits, 0, logits.shape[1], uses_top_p=True)

    def _choose(self, logits: Tensor, first: int, most: int, uses_top_p: bool) -> Tensor:
        at, end = self._part(first, len(logits)), self.end
        logits = penalize_repetition(logits.float(), at.seen, at.penalty)
        logits[:, end:].masked_fill_(at.made < at.least, -torch.inf)
        sampling = RowSampling(at.last, at.top_p, at.temperature, most, uses_top_p)
        possible = candidates(logits, sampling)
        tokens = possible.race(log_uniform(at.keys, possible.tokens))
        tokens.masked_fill_(possible.tokens[:, :1] == end, end)
        at.integers.add_(self._advance)
        at.tokens.copy_(tokens)
        at.seen.scatter_(1, tokens, True)
        return tokens[:, 0]

    def _part(self, first: int, rows: int) -> _Part:
        """Views of some rows; they are the same each time, and cost as much as the work."""
        part = self._parts.get((first, rows))
        if part is None:
            at = slice(first, first + rows)
            integers = self._integers[:, at]
            tokens, _, made, least, keys, last = integers
            top_p, temperature, penalty = self._floats[:, at]
            seen = self._seen[at]
            part = _Part(
                integers, top_p, temperature, penalty, seen, tokens, made, least, keys, last
            )
            self._parts[first, rows] = part
        return part
