"""The engine seen from asyncio: one stream of sound per request.

A `SpeechStream` belongs to one RPC and lives on the event loop. It buffers a few chunks: when
the caller reads slower than the engine makes sound, the request is paused in the engine, and
goes on when the buffer has drained. Requests beyond `max_streams` wait in the engine thread;
beyond `max_queue` more they are refused, as are those that cannot be done before their deadline
even if the engine were twice as fast as it was measured.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import AsyncGenerator, Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING

from backend.engine_thread import REST_S, EngineLoop
from backend.errors import (
    DeadlineUnreachableError,
    EngineStoppedError,
    OverloadedError,
    ShuttingDownError,
)
from backend.speed import SpeedMeter, shared_work

if TYPE_CHECKING:
    from engine.pipeline.scheduler import Scheduler, StreamEvent
    from engine.types import AudioChunk, Finding, SpokenEnd, SynthesisRequest

logger = logging.getLogger(__name__)

HIGH_WATER_CHUNKS = 16
LOW_WATER_CHUNKS = 4
RETRY_AFTER_S = 1.0
LONGEST_RETRY_S = 60.0
HOPE = 2.0  # how much faster than measured the engine may be; loads change
LARGEST_SHARE = 0.75  # of all places, for one of several callers


class SpeechStream:
    """The sound of one request: iterate it for chunks.

    Iteration raises the engine's error if the request fails. `seed` is known from the first
    chunk on; `findings` are those of the sentences so far. `made_end` is there as soon as all sound
    has been made, which may be before it is heard: what a request that follows goes on from.
    """

    def __init__(self, engine: EngineLoop, request: SynthesisRequest, caller: str) -> None:
        self.seed = 0
        self.findings: tuple[Finding, ...] = ()
        self.made_end: SpokenEnd | None = None
        self.caller, self.background = caller, request.background
        self._text_bytes, self._audio_s = len(request.text.encode()), 0.0
        self._engine = engine
        self._chunks: deque[AudioChunk] = deque()
        self._news = asyncio.Event()
        self._paused = False
        self._ended = False
        self._error: BaseException | None = None

    def deliver(self, event: StreamEvent) -> None:
        """Take what the engine made; called on the event loop."""
        self.seed, self.findings = event.seed, event.findings
        if event.chunk is not None:
            self._audio_s += len(event.chunk.samples) / event.chunk.sample_rate_hz
            self._chunks.append(event.chunk)
            self._news.set()
        if event.done and event.error is None:
            self.made_end = event.end
            self._engine.speed.finished(self._text_bytes, self._audio_s)
        if event.done or event.error is not None:
            self.end(event.error)
        elif len(self._chunks) >= HIGH_WATER_CHUNKS and not self._paused:
            self._paused = True
            self._engine.pause(self)

    def remaining_bytes(self, speed: SpeedMeter) -> float:
        """About how much of the text is still to be spoken."""
        spoken = self._audio_s / speed.audio_s_per_byte
        return 0.0 if self._ended else max(0.0, self._text_bytes - spoken)

    def end(self, error: BaseException | None) -> None:
        """Let nothing follow what is buffered; called on the event loop."""
        if not self._ended:
            self._ended, self._error = True, error
        self._news.set()

    async def __aiter__(self) -> AsyncGenerator[AudioChunk]:
        while await self._has_chunk():
            yield self._chunks.popleft()
            if self._paused and len(self._chunks) <= LOW_WATER_CHUNKS:
                self._paused = False
                self._engine.resume(self)

    async def _has_chunk(self) -> bool:
        while not self._chunks and not self._ended:
            self._news.clear()
            await self._news.wait()
        if not self._chunks and self._error is not None:
            try:
                raise self._error
            finally:
                self._error = None  # whose traceback holds this frame
        return bool(self._chunks)


class Inference:
    """Admits requests to one engine and streams their sound. Made on the event loop."""

    def __init__(
        self, scheduler: Scheduler, max_streams: int, max_queue: int, *, rest_s: float = REST_S
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._engine = EngineLoop(scheduler, max_streams, self._call_soon, rest_s)
        self._capacity = max_streams + max_queue
        self._open: set[SpeechStream] = set()
        self._callers: set[str] = set()
        self._closing = False
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="engine")
        self.stopped = asyncio.Event()

    def start(self) -> None:
        """Start the engine thread; `stopped` is set when it ends, by fault or by `stop`."""
        self._executor.submit(self._engine.run).add_done_callback(self._on_thread_end)

    @property
    def open_streams(self) -> int:
        """Requests at work or waiting."""
        return len(self._open)

    def open(
        self, request: SynthesisRequest, *, caller: str = "", deadline_s: float | None = None
    ) -> SpeechStream:
        """Return the stream of a request; `close` it when done, whatever happened.

        Args:
            caller: whom it counts for when places are shared.
            deadline_s: the time that is left to do it.

        Raises:
            OverloadedError: the queue is full, or full enough of this caller's requests.
            DeadlineUnreachableError: it would take longer than the deadline allows.
            ShuttingDownError: no new work is taken.
            EngineStoppedError: the engine thread has died.
        """
        if self._closing:
            raise ShuttingDownError
        if self.stopped.is_set():
            raise EngineStoppedError
        self._check_places(caller)
        stream = SpeechStream(self._engine, request, caller)
        if deadline_s is not None:
            self._check_deadline(stream, deadline_s)
        self._open.add(stream)
        self._engine.admit(stream, request, caller)
        return stream

    def _check_places(self, caller: str) -> None:
        if caller:  # the server's own requests have none
            self._callers.add(caller)
        if len(self._open) >= self._capacity:
            raise OverloadedError(len(self._open), RETRY_AFTER_S)
        own = sum(stream.caller == caller for stream in self._open)
        if len(self._callers) > 1 and own >= max(1, LARGEST_SHARE * self._capacity):
            raise OverloadedError(len(self._open), RETRY_AFTER_S)

    def _check_deadline(self, stream: SpeechStream, deadline_s: float) -> None:
        speed = self._engine.speed
        rivals = [s for s in self._open if stream.background or not s.background]
        others = [each.remaining_bytes(speed) for each in rivals]
        needed_s = speed.time_for_s(shared_work(stream.remaining_bytes(speed), others))
        if needed_s is not None and needed_s / HOPE > deadline_s:
            wait_s = min(max(needed_s / HOPE - deadline_s, RETRY_AFTER_S), LONGEST_RETRY_S)
            raise DeadlineUnreachableError(needed_s, deadline_s, wait_s)

    def close(self, stream: SpeechStream) -> None:
        """Free what the stream holds, within one step of the engine; idempotent."""
        if stream in self._open:
            self._open.remove(stream)
            self._engine.cancel(stream)

    def refuse_new(self) -> None:
        """Take no new requests; those at work go on."""
        self._closing = True

    async def stop(self) -> None:
        """End the thread; streams that still live end with `ShuttingDownError`."""
        self.refuse_new()
        self._engine.stop()
        await self.stopped.wait()
        self._executor.shutdown()

    def _call_soon(self, function: Callable[..., None], *args: object) -> None:
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(function, *args)

    def _on_thread_end(self, run: Future[None]) -> None:
        self._call_soon(self._end_all, run.exception())

    def _end_all(self, fault: BaseException | None) -> None:
        if fault is not None:
            logger.critical("the engine thread has died", exc_info=fault)
        self.stopped.set()
        for stream in self._open:  # to each its own: an error gathers the frames that it passes
            stream.end(ShuttingDownError() if fault is None else EngineStoppedError())
