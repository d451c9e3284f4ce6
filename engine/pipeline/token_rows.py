"""The sentences that the semantic model is saying, one row of its batch each."""

from __future__ import annotations

from torch import Tensor

from engine.models.decoding_rows import Choosing, DecodingRows
from engine.models.key_value_cache import KeyValueCache
from engine.models.text_to_semantic import TextToSemantic
from engine.pipeline.sentence import Prefill

INITIAL_CAPACITY = 512


class TokenRows:
    """Up to `most` rows, each known by the number that its owner gives it.

    A token that ends its sentence is the model's end; the row stays until it is removed.
    """

    def __init__(self, model: TextToSemantic, most: int) -> None:
        like = model.ar_predict_layer.weight
        self._model, self._most = model, most
        self._cache = KeyValueCache(model.config, most, INITIAL_CAPACITY, like)
        self._rows = DecodingRows(most, model.config.vocabulary, like.device)
        self._owners: list[int] = []  # in the order of the rows

    @property
    def owners(self) -> tuple[int, ...]:
        """Whose rows there are."""
        return tuple(self._owners)

    @property
    def full(self) -> bool:
        """Whether no row is free."""
        return len(self._owners) == self._most

    def begin(self, owner: int, first: Prefill, choosing: Choosing) -> int:
        """Read what comes before a sentence; its first token."""
        self._forget_faults()
        row, where = len(self._owners), self._rows.tokens.device
        bert = None if first.bert_features is None else first.bert_features.to(where)
        prompt = first.prompt_tokens.to(where)
        logits = self._model.prefill(self._cache, first.phoneme_ids.to(where), bert, prompt)
        self._rows.add(choosing, prompt)
        token = int(self._rows.choose(logits[None], row))
        self._owners.append(owner)
        return token

    def step(self) -> list[tuple[int, int]]:
        """Each owner's next token."""
        self._forget_faults()
        tokens = self._next_tokens().tolist()
        return list(zip(self._owners, tokens, strict=True))

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

    def _next_tokens(self) -> Tensor:
        rows = self._rows
        tokens, positions = rows.tokens[: rows.live], rows.positions[: rows.live]
        return rows.choose(self._model.decode(self._cache, tokens, positions))

    def _forget_faults(self) -> None:
        """A row that was filled before a fault is nobody's."""
        self._cache.live = len(self._owners)
        self._rows.shrink(len(self._owners))
