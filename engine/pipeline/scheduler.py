"""Many requests, one batched step.

`step` does a bounded piece of work for all live streams and returns what came of it:

1. rows that wait for a sentence are prefilled;
2. all rows decode one token in one batch, each sampled by its own stream;
3. streams with enough tokens decode a piece of sound.

There are no threads here: who owns the scheduler calls it from one.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import torch

from engine.errors import EngineError
from engine.models.key_value_cache import KeyValueCache
from engine.pipeline.bundle import Bundle
from engine.pipeline.checks import Verifier
from engine.pipeline.stream import Stream
from engine.types import AudioChunk, Finding, SynthesisRequest

INITIAL_CAPACITY = 512


@dataclass(frozen=True, slots=True)
class StreamEvent:
    """What happened to a stream: sound, its end, or its failure. `seed` makes it again.

    `findings` are of all sentences so far that were not right at once.
    """

    stream_id: int
    chunk: AudioChunk | None
    done: bool
    error: EngineError | None
    seed: int
    findings: tuple[Finding, ...] = ()


class Scheduler:
    """Drives up to `max_streams` streams of one bundle; more of them wait their turn.

    A stream keeps its row until its sentence ends; then those with listeners come first.

    A `verifier` judges every sentence before it is heard; sentences then come whole.
    """

    def __init__(
        self, bundle: Bundle, max_streams: int = 16, *, verifier: Verifier | None = None
    ) -> None:
        self._bundle, self._max_streams, self._verifier = bundle, max_streams, verifier
        self._ids = itertools.count(1)
        self._streams: dict[int, Stream] = {}
        self._rows: list[int] = []  # stream ids, in the order of the cache's rows
        self._tokens: dict[int, int] = {}  # the newest token of each row's stream
        model = bundle.text_to_semantic
        like = model.ar_predict_layer.weight
        self._cache = KeyValueCache(model.config, max_streams, INITIAL_CAPACITY, like)

    @property
    def live(self) -> int:
        """How many streams are admitted and not over."""
        return len(self._streams)

    def admit(self, request: SynthesisRequest) -> int:
        """Take a request in; returns its stream's id.

        Raises:
            InputError: the text, the language or an option is wrong.
        """
        stream = Stream(self._bundle, request, self._verifier)
        stream_id = next(self._ids)
        self._streams[stream_id] = stream
        return stream_id

    def cancel(self, stream_id: int) -> None:
        """Forget a stream and free its row; does nothing if it is over."""
        if self._streams.pop(stream_id, None) is not None:
            self._free_row(stream_id)

    def pause(self, stream_id: int) -> None:
        """Make no more sound for a stream until it is resumed."""
        if stream_id in self._streams:
            self._streams[stream_id].paused = True

    def resume(self, stream_id: int) -> None:
        """Go on with a paused stream."""
        if stream_id in self._streams:
            self._streams[stream_id].paused = False

    @torch.inference_mode()
    def step(self) -> list[StreamEvent]:
        """Do one bounded piece of work over all live streams."""
        events: list[StreamEvent] = []
        self._prefill(events)
        self._decode(events)
        self._speak(events)
        return events

    def _prefill(self, events: list[StreamEvent]) -> None:
        """Give free rows to the streams that wait for a sentence: listeners, then the oldest."""
        for stream_id, stream in self._by_urgency():
            if len(self._rows) == self._max_streams:
                return
            if stream.paused or not stream.waiting:
                continue
            try:
                first = stream.begin()
            except EngineError as error:
                self._fail(stream_id, error, events)
                continue
            where, model = self._bundle.device, self._bundle.text_to_semantic
            bert = None if first.bert_features is None else first.bert_features.to(where)
            logits = model.prefill(
                self._cache, first.phoneme_ids.to(where), bert, first.prompt_tokens.to(where)
            )
            self._rows.append(stream_id)
            self._accept(stream_id, logits, events)

    def _decode(self, events: list[StreamEvent]) -> None:
        """One token for every row."""
        if not self._rows:
            return
        streams = [self._streams[i] for i in self._rows]
        tokens = torch.tensor([self._tokens[i] for i in self._rows])
        at = [len(s.sentence.history) - 1 for s in streams if s.sentence is not None]
        where = self._bundle.device
        logits = self._bundle.text_to_semantic.decode(
            self._cache, tokens.to(where), torch.tensor(at).to(where)
        )
        for stream_id, row in zip(list(self._rows), logits, strict=True):
            self._accept(stream_id, row, events)

    def _accept(self, stream_id: int, logits: torch.Tensor, events: list[StreamEvent]) -> None:
        stream = self._streams[stream_id]
        try:
            token = stream.accept(logits.float().cpu())
        except EngineError as error:
            self._fail(stream_id, error, events)
            return
        if token is None:
            self._free_row(stream_id)
        else:
            self._tokens[stream_id] = token

    def _speak(self, events: list[StreamEvent]) -> None:
        """Decode the pieces that are due, together; a stream's last one ends it."""
        due = self._due()
        pieces = [stream.next_piece() for _, stream in due]
        sounds = self._bundle.acoustics.decode(pieces)
        for (stream_id, stream), samples in zip(due, sounds, strict=True):
            try:
                chunk = stream.speak(samples)
            except EngineError as error:
                self._fail(stream_id, error, events)
                continue
            done = stream.exhausted
            if done:
                del self._streams[stream_id]
            if len(chunk.samples) or done:
                found = tuple(stream.findings.values())
                events.append(StreamEvent(stream_id, chunk, done, None, stream.seed, found))

    def _due(self) -> list[tuple[int, Stream]]:
        """Who has a piece to decode; of the background one a step while somebody listens."""
        live = [stream for stream in self._streams.values() if not stream.paused]
        has_listeners = any(not stream.request.background for stream in live)
        due = [each for each in self._by_urgency() if not each[1].paused and each[1].piece_due]
        if not has_listeners:
            return due
        listened_to = [each for each in due if not each[1].request.background]
        return due[: len(listened_to) + 1]

    def _by_urgency(self) -> list[tuple[int, Stream]]:
        return sorted(self._streams.items(), key=lambda each: each[1].request.background)

    def _fail(self, stream_id: int, error: EngineError, events: list[StreamEvent]) -> None:
        stream = self._streams.pop(stream_id)
        self._free_row(stream_id)
        found = tuple(stream.findings.values())
        events.append(StreamEvent(stream_id, None, True, error, stream.seed, found))

    def _free_row(self, stream_id: int) -> None:
        """The last row moves into the freed one's place."""
        self._tokens.pop(stream_id, None)
        if stream_id in self._rows:
            row = self._rows.index(stream_id)
            self._cache.remove(row)
            last = self._rows.pop()
            if last != stream_id:
                self._rows[row] = last
