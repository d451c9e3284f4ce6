"""The loop that runs in the engine thread and alone touches the scheduler.

Others post to its inbox: admit, cancel, pause, resume, stop. Orders are carried out between two
steps, in the order of posting, so a cancelled request frees its slot within one step.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from queue import SimpleQueue
from typing import TYPE_CHECKING, Protocol

from engine.errors import EngineError

if TYPE_CHECKING:
    from engine.pipeline.scheduler import Scheduler, StreamEvent
    from engine.types import SynthesisRequest

Post = Callable[..., None]


class Listener(Protocol):
    """Who hears of a request's sound; called by way of `call_soon`."""

    def deliver(self, event: StreamEvent) -> None:
        """Take one event of the scheduler."""

    def end(self, error: BaseException | None) -> None:
        """Take the end, which was an error unless `error` is None."""


class EngineLoop:
    """Steps a scheduler as long as a request can go on, and sleeps otherwise.

    `call_soon(function, *args)` must run the function on the listeners' own thread.
    """

    def __init__(self, scheduler: Scheduler, max_streams: int, call_soon: Post) -> None:
        self._scheduler = scheduler
        self._max_streams = max_streams
        self._call_soon = call_soon
        self._inbox: SimpleQueue[Callable[[], None]] = SimpleQueue()
        self._waiting: dict[Listener, SynthesisRequest] = {}
        self._ids: dict[Listener, int] = {}
        self._listeners: dict[int, Listener] = {}
        self._paused: set[Listener] = set()
        self._stopping = False

    def admit(self, listener: Listener, request: SynthesisRequest) -> None:
        """Queue a request. This and the next four may be called from any thread."""
        self._inbox.put(partial(self._waiting.__setitem__, listener, request))

    def cancel(self, listener: Listener) -> None:
        """Forget a request; it hears nothing more that is not under way already."""
        self._inbox.put(partial(self._cancel, listener))

    def pause(self, listener: Listener) -> None:
        """Make no more sound for a request for now."""
        self._inbox.put(partial(self._pause, listener))

    def resume(self, listener: Listener) -> None:
        """Go on with a paused request."""
        self._inbox.put(partial(self._resume, listener))

    def stop(self) -> None:
        """Let `run` return after its current step."""
        self._inbox.put(partial(setattr, self, "_stopping", True))

    def run(self) -> None:
        """Work until stopped; an exception of the scheduler that is no answer ends it too."""
        while not self._stopping:
            self._obey()
            self._fill_slots()
            if self._can_step():
                self._dispatch(self._scheduler.step())

    def _can_step(self) -> bool:
        return len(self._ids) > len(self._paused)

    def _obey(self) -> None:
        if not self._can_step():
            self._inbox.get()()
        while not self._inbox.empty():
            self._inbox.get()()

    def _fill_slots(self) -> None:
        while self._waiting and len(self._ids) < self._max_streams:
            listener = next(iter(self._waiting))
            self._start(listener, self._waiting.pop(listener))

    def _start(self, listener: Listener, request: SynthesisRequest) -> None:
        try:
            stream_id = self._scheduler.admit(request)
        except EngineError as error:
            self._call_soon(listener.end, error)
            return
        self._ids[listener] = stream_id
        self._listeners[stream_id] = listener

    def _dispatch(self, events: list[StreamEvent]) -> None:
        for event in events:
            listener = self._listeners[event.stream_id]
            self._call_soon(listener.deliver, event)
            if event.done or event.error is not None:
                self._forget(listener)

    def _cancel(self, listener: Listener) -> None:
        self._waiting.pop(listener, None)
        stream_id = self._forget(listener)
        if stream_id is not None:
            self._scheduler.cancel(stream_id)

    def _forget(self, listener: Listener) -> int | None:
        self._paused.discard(listener)
        stream_id = self._ids.pop(listener, None)
        if stream_id is not None:
            del self._listeners[stream_id]
        return stream_id

    def _pause(self, listener: Listener) -> None:
        if listener in self._ids:
            self._paused.add(listener)
            self._scheduler.pause(self._ids[listener])

    def _resume(self, listener: Listener) -> None:
        if listener in self._paused:
            self._paused.remove(listener)
            self._scheduler.resume(self._ids[listener])
