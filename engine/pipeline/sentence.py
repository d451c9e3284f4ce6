"""The sentence being spoken: its tokens, how much of it has left, and how to take back the rest.

Pieces are cut at token counts that depend on nothing but the sentence: a listener who pauses hears
the same sound. An attempt that fails is taken back to the last cut, for what was heard cannot be
unsaid: the model goes on from there with another seed. Before the first cut that is the beginning.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from engine.pipeline.acoustic import AcousticStream, Piece
from engine.pipeline.alignment import SpokenTokens
from engine.pipeline.checks import SoundLevel, TokenChecks
from engine.pipeline.pacing import Outlay
from engine.types import Flaw, Phonemes

PIECE_GROWTH = 1.6
LONGEST_PIECE_TOKENS = 75
TOKENS_PER_PHONEME = 2  # about


@dataclass(frozen=True, slots=True)
class Prefill:
    """What the semantic model reads first.

    `phoneme_ids` [N] and `bert_features` [D, N] or None, both of prompt and sentence;
    `prompt_tokens` [P].
    """

    phoneme_ids: Tensor
    bert_features: Tensor | None
    prompt_tokens: Tensor


@dataclass(slots=True)
class Sentence:
    """State of one sentence.

    Attributes:
        read: its phonemes.
        prefill: what the model reads before the first token; its last phonemes are the
            sentence's own.
        checks: of its tokens.
        open_acoustic: makes the acoustic stream of an attempt, from its number.
        in_pieces: whether pieces may leave before the end.
        attempt: counts from 1.
        waiting: whether the model has to read the prompt and the tokens first.
        tokens: what was generated so far.
        spoken_tokens: how many of them were decoded.
        ended: whether no tokens will follow; finished: whether all of it was decoded.
    """

    read: Phonemes
    prefill: Prefill
    checks: TokenChecks
    open_acoustic: Callable[[int], AcousticStream]
    in_pieces: bool
    attempt: int = 1
    waiting: bool = True
    tokens: list[int] = field(default_factory=list)
    spoken_tokens: int = 0
    ended: bool = False
    finished: bool = False
    level: SoundLevel = field(default_factory=SoundLevel)
    acoustic: AcousticStream = field(init=False)
    _next_cut: int = field(init=False)

    def __post_init__(self) -> None:
        self.acoustic = self.open_acoustic(self.attempt)
        self._spoke(0)
        self.in_pieces = self.in_pieces and self.acoustic.incremental

    def begin(self) -> Prefill:
        """What the model must read before the next token; it is not asked for again."""
        self.waiting = False
        prompt = self.prefill.prompt_tokens
        return replace(self.prefill, prompt_tokens=torch.cat([prompt, self._made]))

    def add(self, token: int) -> Flaw | None:
        """Take the next token, unless it shows that something is wrong."""
        self.tokens.append(token)
        flaw = self.checks.newest(self.tokens)
        if flaw is not None:
            self.tokens.pop()
        return flaw

    def end(self) -> Flaw | None:
        """Note that the model ended the sentence; what its length shows to be wrong."""
        self.ended = True
        return self.checks.whole(self.tokens)

    @property
    def phonemes(self) -> int:
        """How many phonemes it has."""
        return len(self.read.phoneme_ids)

    @property
    def spoken(self) -> SpokenTokens:
        """What was read and made, to tell when it is heard."""
        first = self.prefill
        return SpokenTokens(
            first.phoneme_ids, first.bert_features, self.phonemes, first.prompt_tokens, self._made
        )

    @property
    def piece_due(self) -> bool:
        """Whether a piece can be decoded now."""
        return self.ended or (self.in_pieces and len(self.tokens) >= self._next_cut)

    @property
    def outlay(self) -> Outlay:
        """What must be done for the next piece; of a sentence that comes whole, about."""
        if self.ended:
            return Outlay(0, len(self.tokens) - self.spoken_tokens)
        until = self._next_cut if self.in_pieces else TOKENS_PER_PHONEME * self.phonemes
        return Outlay(max(0, until - len(self.tokens)), until - self.spoken_tokens)

    def next_piece(self) -> Piece:
        """What is to be decoded now; the last piece sets `finished`."""
        self.finished = self.ended and (not self.in_pieces or len(self.tokens) < self._next_cut)
        until = len(self.tokens) if self.finished else self._next_cut
        tokens = self._made[:until]
        self._spoke(until)
        return Piece(self.acoustic, tokens, self.finished)

    def take_back(self, *, whole: bool) -> None:
        """Give the attempt up and begin another behind the last cut, or at the start if `whole`."""
        first = self.acoustic.first_piece_tokens
        kept = last_cut(len(self.tokens), first) if self.in_pieces and not whole else 0
        del self.tokens[kept:]
        self.checks.restart(self.tokens)
        self.attempt += 1
        self.waiting, self.ended, self.finished = True, False, False
        if not kept:
            self.level = SoundLevel()
            self.acoustic = self.open_acoustic(self.attempt)
            self._spoke(0)

    @property
    def _made(self) -> Tensor:
        return torch.tensor(self.tokens, dtype=torch.long)

    def _spoke(self, tokens: int) -> None:
        """Note how many were decoded. The next cut is asked for so often that it is kept."""
        first, self.spoken_tokens = self.acoustic.first_piece_tokens, tokens
        self._next_cut = next(cut for cut in piece_ends(first) if cut > tokens)


def last_cut(tokens: int, first: int) -> int:
    """The last place up to `tokens` where a piece ends; 0 before the `first`."""
    cut = 0
    for following in piece_ends(first):
        if following > tokens:
            return cut
        cut = following
    return cut


def piece_ends(first: int) -> Iterator[int]:
    """Token counts at which pieces end: after `first`, then ever further apart."""
    piece = cut = first
    while True:
        yield cut
        piece = min(int(piece * PIECE_GROWTH), LONGEST_PIECE_TOKENS)
        cut += piece
