"""The engine seen from asyncio: one stream of sound per request.

A `SpeechStream` belongs to one RPC and lives on the event loop. It buffers a few chunks: when
the caller reads slower than the engine makes sound, the request is paused in the engine, and
goes on when the buffer has drained. Requests beyond `max_streams` wait in the engine thread;
beyond `max_queue` more they are refused.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterator, Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING

from backend.engine_thread import EngineLoop
from backend.errors import EngineStoppedError, OverloadedError, ShuttingDownError

if TYPE_CHECKING:
    from engine.pipeline.scheduler import Scheduler, StreamEvent
    from engine.types import AudioChunk, SynthesisRequest

logger = logging.getLogger(__name__)

HIGH_WATER_CHUNKS = 16
LOW_WATER_CHUNKS = 4
RETRY_AFTER_S = 1.0


class SpeechStream:
    """The sound of one request: iterate it for chunks.

    Iteration raises the engine's error if the request fails. `seed` is known from the first
    chunk on.
    """

    def __init__(self, engine: EngineLoop) -> None:
        self.seed = 0
        self._engine = engine
        self._chunks: deque[AudioChunk] = deque()
        self._news = asyncio.Event()
        self._paused = False
        self._ended = False
        self._error: BaseException | None = None

    def deliver(self, event: StreamEvent) -> None:
        """Take what the engine made; called on the event loop."""
        self.seed = event.seed
        if event.chunk is not None:
            self._chunks.append(event.chunk)
            self._news.set()
        if event.done or event.error is not None:
            self.end(event.error)
        elif len(self._chunks) >= HIGH_WATER_CHUNKS and not self._paused:
            self._paused = True
            self._engine.pause(self)

    def end(self, error: BaseException | None) -> None:
        """Let nothing follow what is buffered; called on the event loop."""
        if not self._ended:
            self._ended, self._error = True, error
        self._news.set()

    async def __aiter__(self) -> AsyncIterator[AudioChunk]:
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
            raise self._error
        return bool(self._chunks)


class Inference:
    """Admits requests to one engine and streams their sound. Made on the event loop."""

    def __init__(self, scheduler: Scheduler, max_streams: int, max_queue: int) -> None:
        self._loop = asyncio.get_running_loop()
        self._engine = EngineLoop(scheduler, max_streams, self._call_soon)
        self._capacity = max_streams + max_queue
        self._open: set[SpeechStream] = set()
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

    def open(self, request: SynthesisRequest) -> SpeechStream:
        """Return the stream of a request; `close` it when done, whatever happened.

        Raises:
            OverloadedError: the queue is full.
            ShuttingDownError: no new work is taken.
            EngineStoppedError: the engine thread has died.
        """
        if self._closing:
            raise ShuttingDownError
        if self.stopped.is_set():
            raise EngineStoppedError
        if len(self._open) >= self._capacity:
            raise OverloadedError(len(self._open), RETRY_AFTER_S)
        stream = SpeechStream(self._engine)
        self._open.add(stream)
        self._engine.admit(stream, request)
        return stream

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
        error = ShuttingDownError() if fault is None else EngineStoppedError()
        self.stopped.set()
        for stream in self._open:
            stream.end(error)
