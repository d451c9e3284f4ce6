"""The engine alone under the same load, on a clock that counts nothing but its own work.

What other programs take from the machine does not show in it, so that it tells a change of the
scheduler from a busy machine. Sockets and encoders are left out; so it is for the CPU only.
"""

from __future__ import annotations

import random
import time
from collections.abc import Sequence

import torch

from backend.config import STARTER_BUNDLE
from engine.pipeline.bundle import Bundle, load_bundle
from engine.pipeline.scheduler import Scheduler
from engine.types import SynthesisOptions, SynthesisRequest
from tests.bench.server.figures import Found, throughput, underruns, waits
from tests.bench.server.listener import Heard
from tests.bench.server.load import SENTENCES, USUAL_AUDIO_S
from tests.bench.server.process import Load

VOICE = "slt"
MOST_STREAMS = 12  # what is measured beyond is how long a queue grows
ROWS = 64


async def engine(load: Load) -> Found:
    """Listeners who come when they please, and all at once."""
    found = Found()
    torch.set_num_threads(1)  # the work of other threads would not be counted
    bundle = load_bundle(STARTER_BUNDLE, "cpu", ())
    _hear(bundle, [0.0])
    for count in [each for each in load.streams if each <= MOST_STREAMS]:
        source, due_s = random.Random(1), [0.0]
        while due_s[-1] < load.seconds:
            due_s.append(due_s[-1] + source.expovariate(count / USUAL_AUDIO_S))
        for name, times_s in ((f"{count} streams", due_s), (f"{count} at once", [0.0] * count)):
            began_s = time.thread_time()
            heard = _hear(bundle, times_s)
            found.rows += waits(name, heard) + underruns(name, heard)
            found.rows += throughput(name, heard, time.thread_time() - began_s)
    return found


class WorkClock:
    """Seconds of this thread's work, and those that were skipped because there was none."""

    def __init__(self) -> None:
        self._zero_s = time.thread_time()

    def __call__(self) -> float:
        return time.thread_time() - self._zero_s

    def skip_to(self, time_s: float) -> None:
        """Let no work be done until then."""
        self._zero_s -= max(0.0, time_s - self())


def _hear(bundle: Bundle, due_s: Sequence[float]) -> list[Heard]:
    """Speak a sentence for each listener from when it is due."""
    clock = WorkClock()
    scheduler = Scheduler(bundle, ROWS, clock=clock)
    heard: dict[int, Heard] = {}
    to_come = list(enumerate(due_s))
    while to_come or scheduler.live:
        if not scheduler.live:
            clock.skip_to(to_come[0][1])
        if to_come and to_come[0][1] <= clock():
            number, time_s = to_come.pop(0)
            heard[scheduler.admit(_request(bundle, number))] = Heard(time_s)
        for event in scheduler.step():
            listener = heard[event.stream_id]
            listener.ended_s = clock() - listener.due_s
            if event.chunk is not None and len(event.chunk.samples):
                sound_s = len(event.chunk.samples) / event.chunk.sample_rate_hz
                listener.pieces.append((listener.ended_s, sound_s))
    return list(heard.values())


def _request(bundle: Bundle, number: int) -> SynthesisRequest:
    text, voice = SENTENCES[number % len(SENTENCES)], bundle.builtin_voices[VOICE].prompt
    return SynthesisRequest(text, "en", voice, SynthesisOptions(seed=number))
