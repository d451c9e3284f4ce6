"""The sentences that the semantic model is saying, one row of its batch each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from engine.models.decoding_rows import Choosing, DecodingRows
from engine.models.recorded_prefill import RecordedPrefill
from engine.models.recorded_steps import RecordedSteps
from engine.models.recording import Fetched, Recorder
from engine.models.text_to_semantic import TextToSemantic, WindowDecode
from engine.pipeline.sentence import Prefill

INITIAL_CAPACITY = 512


@dataclass(frozen=True, slots=True, eq=False)
class _Underway:
    """Tokens of a step, and whose they are: None for those whom they come too late for."""

    owners: list[int | None]
    tokens: Fetched


class TokenRows:
    """Up to `most` rows, each known by the number that its owner gives it.

    With a recorder every step is a recording, of a `decode` and a choice, and its tokens are told
    by the step after it: they travel while that is at work. A row that has ended is then decoded
    once more, to no effect.

    A token that ends its sentence is the model's end; the row stays until it is removed.
    """

    def __init__(
        self,
        model: TextToSemantic,
        most: int,
        record: Recorder | None = None,
        decode: WindowDecode = TextToSemantic.decode_window,
    ) -> None:
        like = model.h.like
        self._model, self._most = model, most
        self._cache = model.new_cache(most, INITIAL_CAPACITY)
        self._rows = DecodingRows(most, model.config.vocabulary, like.device)
        self._read: Callable[[Tensor, Tensor | None, Tensor], Tensor] = partial(
            model.prefill, self._cache
        )
        self._recorded: RecordedSteps | None = None
        self._behind = 0  # steps, whose tokens are on their way
        if record is not None:
            self._read = RecordedPrefill(model, self._cache, record)
            self._recorded = RecordedSteps(model, self._cache, self._rows, record, decode)
            self._behind = 1
        self._owners: list[int] = []  # in the order of the rows
        self._underway: list[_Underway] = []  # the oldest first

    @property
    def owners(self) -> tuple[int, ...]:
        """Whose rows there are."""
        return tuple(self._owners)

    @property
    def full(self) -> bool:
        """Whether no row is free."""
        return len(self._owners) == self._most

    def prepare(self) -> None:
        """Make the recordings that will be wanted, if there are any to make."""
        if self._recorded is not None:
            self._recorded.prepare()

    def begin(self, owner: int, first: Prefill, choosing: Choosing) -> int:
        """Read what comes before a sentence; its first token."""
        self._forget_faults()
        row = len(self._owners)
        logits = self._read(first.phoneme_ids, first.bert_features, first.prompt_tokens)
        self._rows.add(choosing, first.prompt_tokens)
        token = int(self._rows.choose(logits[None], row))
        self._owners.append(owner)
        return token

    def step(self) -> list[tuple[int, int]]:
        """Owners and their next tokens: of all rows, or of those that the step before had."""
        self._forget_faults()
        tokens = self._next_tokens() if self._recorded is None else self._recorded()
        self._underway.append(_Underway([*self._owners], Fetched(tokens)))
        if len(self._underway) <= self._behind:
            return []
        arrived = self._underway.pop(0)
        pairs = zip(arrived.owners, arrived.tokens.wait(), strict=True)
        return [(owner, token) for owner, token in pairs if owner is not None]

    @torch.inference_mode()
    def remove(self, owner: int) -> None:
        """Free a row, if the owner has one; the last one moves into its place."""
        if owner not in self._owners:
            return
        self._forget_faults()
        row = self._owners.index(owner)
        self._cache.remove(row)
        self._rows.remove(row)
        last = self._owners.pop()
        if last != owner:
            self._owners[row] = last
        for each in self._underway:
            each.owners[:] = [None if it == owner else it for it in each.owners]
        if not self._owners:
            self._underway.clear()

    def _next_tokens(self) -> Tensor:
        rows = self._rows
        tokens, positions = rows.tokens[: rows.live], rows.positions[: rows.live]
        return rows.choose(self._model.decode(self._cache, tokens, positions))

    def _forget_faults(self) -> None:
        """A row that was filled before a fault is nobody's."""
        self._cache.shrink(len(self._owners))
        self._rows.shrink(len(self._owners))
