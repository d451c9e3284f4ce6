"""Many requests, one batched step.

`step` does a bounded piece of work for all live streams and returns what came of it:

1. streams that wait for a sentence are prefilled, the most urgent first, for a moment;
2. all rows decode one token in one batch, each sampled by its own stream;
3. streams with enough tokens decode a piece of sound, the most urgent first, as many as fit into
   a moment; they wait while a stream that still lacks tokens is more urgent (see `pacing`), and
   for each other where many are decoded in hardly more time than one.

A fault of the models ends the streams that they worked for at that moment, and no others.

There are no threads here: who owns the scheduler calls it from one.
"""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import torch

from engine.errors import EngineError
from engine.models.device_decoding import best_decode
from engine.models.recording import recorder_for
from engine.pipeline.acoustic import Piece
from engine.pipeline.bundle import Bundle
from engine.pipeline.checks import Verifier
from engine.pipeline.faults import attempt, copies, kept_to_streams
from engine.pipeline.pacing import Pace, first_due_s
from engine.pipeline.stream import Stream
from engine.pipeline.token_rows import TokenRows
from engine.types import AudioChunk, Finding, Samples, SpokenEnd, SynthesisRequest

NEVER = (math.inf, math.inf)
READING_S = 0.01  # of sentences before rows go on; at least one is read
WAITING_S = 0.1  # at most, for pieces that can go together, and before they must be decoded
MOMENT_S = 0.05  # of decoding sound before others are heard; at least one piece is decoded


@dataclass(frozen=True, slots=True)
class StreamEvent:
    """What happened to a stream: sound, its end, or its failure. `seed` makes it again.

    `findings` are of all sentences so far that were not right at once; `end`, of a stream that came
    to its own, is what a request goes on from that follows it.
    """

    stream_id: int
    chunk: AudioChunk | None
    done: bool
    error: EngineError | None
    seed: int
    findings: tuple[Finding, ...] = ()
    end: SpokenEnd | None = None


class Scheduler:
    """Drives up to `max_streams` streams of one bundle; more of them wait their turn.

    A stream keeps its row until its sentence ends; then the most urgent one gets it.

    A `verifier` judges every sentence before it is heard; sentences then come whole. The `clock`
    gives seconds and orders the work, never what comes of it.
    """

    def __init__(
        self,
        bundle: Bundle,
        max_streams: int = 16,
        *,
        verifier: Verifier | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._bundle, self._verifier = bundle, verifier
        self._clock, self._pace = clock, Pace()
        self._ids = itertools.count(1)
        self._streams: dict[int, Stream] = {}
        self._held_since_s = math.inf  # when the oldest piece began to wait for others
        record = recorder_for(bundle.device)
        model = bundle.text_to_semantic
        self._rows = TokenRows(model, max_streams, record, best_decode(model, max_streams))
        self._rows.prepare()

    @property
    def live(self) -> int:
        """How many streams are admitted and not over."""
        return len(self._streams)

    def admit(self, request: SynthesisRequest) -> int:
        """Take a request in; returns its stream's id.

        Raises:
            InputError: the text, the language or an option is wrong.
            ModelError: the models failed on the voice.
        """
        due_s = first_due_s(self._clock(), background=request.background)
        if request.after is not None:
            due_s = max(due_s, request.after.until_s)
        with kept_to_streams():
            stream = Stream(self._bundle, request, self._verifier, due_s)
        stream_id = next(self._ids)
        self._streams[stream_id] = stream
        return stream_id

    def cancel(self, stream_id: int) -> None:
        """Forget a stream and free its row; does nothing if it is over."""
        if self._streams.pop(stream_id, None) is not None:
            self._rows.remove(stream_id)

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
        """Give free rows to streams that wait for a sentence, the most urgent first.

        One row where reading takes a processor long, more where a GPU is done with it at once.
        """
        until_s = self._clock() + READING_S
        while self._fill_row(events) and self._clock() < until_s:
            pass

    def _fill_row(self, events: list[StreamEvent]) -> bool:
        """Give a free row to the most urgent stream that waits; whether there were both."""
        waiting = [(i, stream) for i, stream in self._at_work() if stream.waiting]
        if not waiting or self._rows.full:
            return False
        now_s = self._clock()
        stream_id, stream = min(waiting, key=lambda each: self._pace.urgency(each[1], now_s))
        token = attempt(partial(self._read, stream_id, stream))
        if isinstance(token, EngineError):
            self._fail(stream_id, token, events)
        elif token is None:
            del self._streams[stream_id]
            events.append(_told(stream_id, stream, None, done=True))
        else:
            self._accept(stream_id, token, events)
        return True

    def _read(self, stream_id: int, stream: Stream) -> int | None:
        """Give the stream a row with what it says next; the first token, or None at its end."""
        first = stream.begin()
        return None if first is None else self._rows.begin(stream_id, first, stream.choosing)

    def _decode(self, events: list[StreamEvent]) -> None:
        """One token for every row."""
        rows = self._rows.owners
        if not rows:
            return
        began_s = self._clock()
        tokens = attempt(self._rows.step)
        if isinstance(tokens, EngineError):
            for stream_id, error in zip(rows, copies(tokens, len(rows)), strict=True):
                self._fail(stream_id, error, events)
            return
        for stream_id, token in tokens:
            self._accept(stream_id, token, events)
        self._pace.made_tokens(self._clock() - began_s)

    def _accept(self, stream_id: int, token: int, events: list[StreamEvent]) -> None:
        goes_on = attempt(partial(self._streams[stream_id].accept, token))
        if isinstance(goes_on, EngineError):
            self._fail(stream_id, goes_on, events)
        elif not goes_on:
            self._rows.remove(stream_id)

    def _speak(self, events: list[StreamEvent]) -> None:
        """Decode the pieces that are due, together; a stream's last one ends it."""
        due = self._due()
        if not due:
            return
        began_s, tokens = self._clock(), sum(stream.outlay.sounded for _, stream in due)
        pieces = [stream.next_piece() for _, stream in due]
        sounds = self._sounds(pieces)
        now_s = self._clock()
        self._pace.sounded(tokens, now_s - began_s)
        for (stream_id, stream), sound in zip(due, sounds, strict=True):
            chunk = (
                sound if isinstance(sound, EngineError) else attempt(partial(stream.speak, sound))
            )
            if isinstance(chunk, EngineError):
                self._fail(stream_id, chunk, events)
                continue
            stream.due_s = max(stream.due_s, now_s) + len(chunk.samples) / chunk.sample_rate_hz
            done = stream.exhausted
            if done:
                del self._streams[stream_id]
            if len(chunk.samples) or done:
                events.append(_told(stream_id, stream, chunk, done=done))

    def _sounds(self, pieces: Sequence[Piece]) -> Sequence[Samples | EngineError]:
        sounds = attempt(partial(self._bundle.acoustics.decode, pieces))
        return copies(sounds, len(pieces)) if isinstance(sounds, EngineError) else sounds

    def _due(self) -> list[tuple[int, Stream]]:
        """Whose pieces are decoded now; of the background one while somebody listens."""
        live, now_s = self._at_work(), self._clock()
        ready = sorted((self._pace.urgency(s, now_s), i, s) for i, s in live if s.piece_due)
        together = self._bundle.acoustics.together
        if 0 < len(ready) < together and self._may_wait(ready[0][0], now_s):
            return []
        self._held_since_s = math.inf
        if not ready:
            return []
        has_listeners = any(not stream.request.background for _, stream in live)
        has_row = not self._rows.full
        lacking = [s for _, s in live if not s.piece_due and (has_row or not s.waiting)]
        first = min((self._pace.urgency(s, now_s) for s in lacking), default=NEVER)
        due: list[tuple[int, Stream]] = []
        moment_s = background = 0.0
        for urgency, stream_id, stream in ready:
            moment_s += self._pace.decoding_s(stream)
            background += stream.request.background
            has_place = 0 < len(due) < together
            if not has_place and (urgency > first or (due and moment_s > MOMENT_S)):
                break
            if background <= 1 or not (has_listeners and stream.request.background):
                due.append((stream_id, stream))
        return due

    def _may_wait(self, urgency: tuple[float, float], now_s: float) -> bool:
        """Whether pieces can wait for others to go with: tokens are made, and nobody runs dry.

        `urgency` is that of the most urgent one.
        """
        if not self._rows.owners:
            return False
        self._held_since_s = min(self._held_since_s, now_s)
        return now_s + WAITING_S < urgency[0] and now_s < self._held_since_s + WAITING_S

    def _at_work(self) -> list[tuple[int, Stream]]:
        return [each for each in self._streams.items() if not each[1].paused]

    def _fail(self, stream_id: int, error: EngineError, events: list[StreamEvent]) -> None:
        stream = self._streams.pop(stream_id)
        self._rows.remove(stream_id)
        events.append(StreamEvent(stream_id, None, True, error, stream.seed, stream.findings))


def _told(stream_id: int, stream: Stream, chunk: AudioChunk | None, *, done: bool) -> StreamEvent:
    end = stream.end if done else None
    return StreamEvent(stream_id, chunk, done, None, stream.seed, stream.findings, end)
