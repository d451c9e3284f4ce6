"""Speaks a text while it is being written.

One side writes: text, flushes, cancels, pings. The other side iterates the events: segments that
start, their sound, segments that end. A segment is text that was committed as a whole; each is a
request of its own to the engine. The next one is begun as soon as the sound of the one before it
has been made, which may be long before it is heard, and goes on from how that one ended.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import aclosing, asynccontextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from backend.errors import BackendError, OverloadedError, StreamIdleError
from backend.inference import Inference, SpeechStream
from backend.outbox import Outbox
from backend.segments import Answer, Ended, Event, Segment, Sound, Started
from engine.errors import EmptyTextError, TextTooLongError, UnreadableTextError
from engine.text.clauses import Clause, ClauseAssembler, ClauseRules

if TYPE_CHECKING:
    from engine.types import SpokenEnd, SynthesisRequest

OUTBOX_MESSAGES = 4
AGAIN_S = 0.05
PATIENCE_S = 5.0  # with an engine that has no place for the next segment


@dataclass(frozen=True, slots=True)
class DictationRules:
    """When to speak, and the limits.

    Attributes:
        clauses: how wide clauses are.
        max_delay_s: words that wait longer without new text are spoken.
        idle_s: an open stream with nothing to say lives no longer than this.
        max_characters: of one delta, and of all that waits to be spoken.
    """

    clauses: ClauseRules
    max_delay_s: float
    idle_s: float
    max_characters: int


OpenStream = Callable[["SynthesisRequest"], SpeechStream]


class Dictation:
    """One text. Made and used on the event loop.

    Args:
        inference: closes streams.
        open_stream: begins a request.
        to_request: makes the request of a segment, told whether more text follows, and what it
            goes on from.
        rules: when to speak, and the limits.
    """

    def __init__(
        self,
        inference: Inference,
        open_stream: OpenStream,
        to_request: Callable[[Segment, bool, SpokenEnd | None], SynthesisRequest],
        rules: DictationRules,
    ) -> None:
        self._inference, self._open_stream = inference, open_stream
        self._to_request, self._rules = to_request, rules
        self._assembler = ClauseAssembler(rules.clauses)
        self._outbox: Outbox[Event] = Outbox(OUTBOX_MESSAGES)
        self._waiting: deque[Segment] = deque()
        self._current: Segment | None = None
        self._spoken: SpokenEnd | None = None
        self._news = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._settling: asyncio.TimerHandle | None = None
        self._last_sign_s = self._loop.time()
        self._segments = 0
        self._has_spoken = self._is_closed = False
        self._nothing_to_say = EmptyTextError("the text has nothing that can be spoken")

    @property
    def waiting_characters(self) -> int:
        """Characters that are committed but not begun."""
        return sum(len(segment.clause.text) for segment in self._waiting)

    async def room(self) -> None:
        """Wait until so little waits to be spoken that more may be written."""
        while self.waiting_characters > self._rules.max_characters:
            await asyncio.sleep(AGAIN_S)

    def write(self, text: str) -> None:
        """Take more text.

        Raises:
            TextTooLongError: it is longer than one delta may be.
        """
        if len(text) > self._rules.max_characters:
            raise TextTooLongError(len(text), self._rules.max_characters)
        self._commit(self._assembler.feed(text))
        self._stop_settling()
        if self._assembler.pending:
            self._settling = self._loop.call_later(self._rules.max_delay_s, self._settle)

    def flush(self) -> None:
        """Commit all that was written."""
        self._stop_settling()
        self._commit(self._assembler.flush())

    def cancel(self, number: int | None) -> None:
        """Speak no more of a segment, or of all that was written."""
        self._touch()
        if number is None:
            self._stop_settling()
            self._assembler.discard()
        current = [] if self._current is None else [self._current]
        for segment in (*current, *self._waiting):
            if number in (None, segment.number):
                segment.cancelled = self._has_spoken = True
                if segment.stream is not None:
                    segment.stream.end(None)
                    self._inference.close(segment.stream)

    async def ping(self, ping_id: int) -> None:
        """Answer, in line with the sound."""
        self._touch()
        await self._outbox.put(Answer(ping_id))

    def close(self) -> None:
        """Let no text follow; what was written is spoken to its end."""
        self.flush()
        self._is_closed = True
        self._touch()

    @asynccontextmanager
    async def running(self, writer: Coroutine[None, None, None]) -> AsyncIterator[Outbox[Event]]:
        """Speak while `writer` writes; gives the events, until all is spoken and closed.

        A failure of either side ends the events with its error.
        """
        tasks = [asyncio.create_task(side) for side in (self._speak_all(), writer)]
        for task in tasks:
            task.add_done_callback(self._on_end)
        try:
            yield self._outbox
        finally:
            self._stop_settling()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            for segment in self._waiting:
                self._release(segment)

    def _on_end(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and task.exception() is not None:
            self._outbox.end(task.exception())

    async def _speak_all(self) -> None:
        while (segment := await self._next()) is not None:
            await self._speak(segment)
        if self._assembler.end and not self._has_spoken:
            raise self._nothing_to_say
        self._outbox.end()

    async def _next(self) -> Segment | None:
        """The next segment; None when no more will come."""
        while not self._waiting:
            if self._is_closed:
                return None
            self._news.clear()
            await self._wait_for_news()
        return self._waiting.popleft()

    async def _wait_for_news(self) -> None:
        end_s = self._last_sign_s + self._rules.idle_s
        try:
            async with asyncio.timeout_at(end_s):
                await self._news.wait()
        except TimeoutError:
            if self._loop.time() >= self._last_sign_s + self._rules.idle_s:
                raise StreamIdleError(self._rules.idle_s) from None

    async def _speak(self, segment: Segment) -> None:
        self._current = segment
        try:
            if not segment.cancelled:
                await self._send_sound(segment, await self._begun(segment))
            await self._outbox.put(Ended(segment))
        except EmptyTextError as error:
            if isinstance(error, UnreadableTextError):
                self._nothing_to_say = error
                await self._outbox.put(Ended(segment))  # its findings have the words
            # else there was nothing but markup or signs
        finally:
            self._release(segment)
            self._current = None
            self._last_sign_s = self._loop.time()

    async def _send_sound(self, segment: Segment, stream: SpeechStream) -> None:
        is_first = True
        async with aclosing(aiter(stream)) as chunks:
            async for chunk in chunks:
                if segment.cancelled:
                    return
                if is_first:
                    self._has_spoken = True
                    await self._outbox.put(Started(segment))
                    is_first = False
                self._begin_next(stream)
                await self._outbox.put(Sound(segment, chunk))
        self._spoken = stream.made_end or self._spoken

    async def _begun(self, segment: Segment) -> SpeechStream:
        """The segment's stream; a full engine is asked again for a while."""
        patience_end_s = self._loop.time() + PATIENCE_S
        while segment.stream is None:
            try:
                segment.stream = self._begin(segment)
            except OverloadedError:
                if not segment.number or self._loop.time() > patience_end_s:
                    raise
                await asyncio.sleep(AGAIN_S)
        return segment.stream

    def _begin_next(self, current: SpeechStream) -> None:
        """Begin the segment behind the one that has been made, if the engine has a place for it."""
        self._spoken = current.made_end or self._spoken
        following = self._waiting[0] if self._waiting else None
        if current.made_end is None or following is None:
            return
        if following.stream is None and not following.cancelled:
            with suppress(BackendError):  # tried again, and reported, when it is its turn
                following.stream = self._begin(following)

    def _begin(self, segment: Segment) -> SpeechStream:
        is_last = self._is_closed and segment.number == self._segments - 1
        return self._open_stream(self._to_request(segment, not is_last, self._spoken))

    def _release(self, segment: Segment) -> None:
        if segment.stream is not None:
            self._inference.close(segment.stream)

    def _commit(self, clauses: list[Clause]) -> None:
        for clause in clauses:
            self._waiting.append(Segment(self._segments, clause))
            self._segments += 1
        self._touch()

    def _touch(self) -> None:
        self._last_sign_s = self._loop.time()
        self._news.set()

    def _settle(self) -> None:
        self._commit(self._assembler.settle())

    def _stop_settling(self) -> None:
        if self._settling is not None:
            self._settling.cancel()
            self._settling = None
