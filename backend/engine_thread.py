"""The loop that runs in the engine thread and alone touches the scheduler.

Others post to its inbox: admit, cancel, pause, resume, stop. Orders are carried out between two
steps, in the order of posting, so a cancelled request frees its slot within one step.

A free slot goes to a request that somebody listens to before one in the background, then to one
that goes on with a text that is being heard, then to the caller with the fewest slots, then to the
oldest. Requests with listeners do not wait for those in
the background: they are let in beside them and take over at the next end of a sentence. Who is
paused needs no slot: a listener who does not read keeps nobody waiting.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Protocol

from backend.memory import give_back
from backend.speed import SpeedMeter
from engine.errors import EngineError, ModelError

if TYPE_CHECKING:
    from engine.pipeline.scheduler import Scheduler, StreamEvent
    from engine.types import SynthesisRequest

FAULTS_IN_A_ROW = 10  # steps whose streams failed by faults, with no sound between them
REST_S = 60.0
LETTING_IN_S = 0.005
Post = Callable[..., None]


class Listener(Protocol):
    """Who hears of a request's sound; called by way of `call_soon`."""

    def deliver(self, event: StreamEvent) -> None:
        """Take one event of the scheduler."""

    def end(self, error: BaseException | None) -> None:
        """Take the end, which was an error unless `error` is None."""


@dataclass(frozen=True, slots=True)
class Order:
    """A request, and the caller that it counts for."""

    request: SynthesisRequest
    caller: str


class EngineLoop:
    """Steps a scheduler as long as a request can go on, and sleeps otherwise.

    `call_soon(function, *args)` must run the function on the listeners' own thread. After
    `rest_s` without work freed memory goes back to the system.
    """

    def __init__(
        self, scheduler: Scheduler, max_streams: int, call_soon: Post, rest_s: float = REST_S
    ) -> None:
        self._scheduler = scheduler
        self._max_streams = max_streams
        self._call_soon, self._rest_s = call_soon, rest_s
        self._inbox: SimpleQueue[Callable[[], None]] = SimpleQueue()
        self._waiting: dict[Listener, Order] = {}
        self._at_work: dict[Listener, Order] = {}
        self._ids: dict[Listener, int] = {}
        self._listeners: dict[int, Listener] = {}
        self._paused: set[Listener] = set()
        self._stopping = self._rested = False
        self._faults = 0
        self.speed = SpeedMeter()

    def admit(self, listener: Listener, request: SynthesisRequest, caller: str = "") -> None:
        """Queue a request. This and the next four may be called from any thread."""
        self._inbox.put(partial(self._waiting.__setitem__, listener, Order(request, caller)))

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
        """Work until stopped.

        What else ends it is an exception of the scheduler that is no answer, or that one stream
        after another fails by a fault of the models: another process may do better.
        """
        while not self._stopping:
            self._obey()
            self._fill_slots()
            if self._can_step():
                self._work()

    def _work(self) -> None:
        """One step; nothing of it is held while the loop waits for orders."""
        events = self._measured_step()
        self._dispatch(events)
        self._count_faults(events)

    def _measured_step(self) -> list[StreamEvent]:
        began, self._rested = time.perf_counter(), False
        events = self._scheduler.step()
        made_s = sum(_audio_s(event) for event in events)
        self.speed.worked(time.perf_counter() - began, made_s)
        return events

    def _count_faults(self, events: list[StreamEvent]) -> None:
        faults = [event.error for event in events if isinstance(event.error, ModelError)]
        if any(event.chunk is not None for event in events):
            self._faults = 0
        elif faults:
            self._faults += 1
            if self._faults == FAULTS_IN_A_ROW:
                raise faults[0]

    def _can_step(self) -> bool:
        return len(self._ids) > len(self._paused)

    def _obey(self) -> None:
        if not self._can_step() and self._next_in_line() is None:
            self._next_order()()
        while not self._inbox.empty():
            self._inbox.get()()

    def _next_order(self) -> Callable[[], None]:
        if not self._rested:
            try:
                return self._inbox.get(timeout=self._rest_s)
            except Empty:
                give_back()
                self._rested = True
        return self._inbox.get()

    def _fill_slots(self) -> None:
        """Let requests in for a moment: reading a text takes a while, and others want to be heard.

        One at least, if there is a slot.
        """
        until_s = time.perf_counter() + LETTING_IN_S
        while (listener := self._next_in_line()) is not None:
            self._start(listener, self._waiting.pop(listener))
            if time.perf_counter() >= until_s:
                return

    def _next_in_line(self) -> Listener | None:
        """Whose turn it is, if there is a slot."""
        if not self._waiting:
            return None
        is_free = {background: self._has_slot(background) for background in (False, True)}
        fitting = [each for each, o in self._waiting.items() if is_free[o.request.background]]
        slots = Counter(order.caller for order in self._at_work.values())
        return min(fitting, key=partial(self._turn, slots), default=None)

    def _turn(self, slots: Counter[str], listener: Listener) -> tuple[bool, bool, int]:
        order = self._waiting[listener]
        request = order.request
        return request.background, request.after is None, slots[order.caller]

    def _has_slot(self, background: bool) -> bool:
        rivals = [
            each
            for listener, each in self._at_work.items()
            if listener not in self._paused and (background or not each.request.background)
        ]
        return len(rivals) < self._max_streams

    def _start(self, listener: Listener, order: Order) -> None:
        try:
            stream_id = self._scheduler.admit(order.request)
        except EngineError as error:
            self._call_soon(listener.end, error)
            return
        self._at_work[listener] = order
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
        self._at_work.pop(listener, None)
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


def _audio_s(event: StreamEvent) -> float:
    chunk = event.chunk
    return 0.0 if chunk is None else len(chunk.samples) / chunk.sample_rate_hz
