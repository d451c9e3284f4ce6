"""One request, a straight line: text in, speech out."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from engine.pipeline.bundle import Bundle
from engine.pipeline.checks import Verifier
from engine.pipeline.scheduler import Scheduler
from engine.types import Audio, AudioChunk, SynthesisRequest


def stream(
    bundle: Bundle, request: SynthesisRequest, verifier: Verifier | None = None
) -> Iterator[AudioChunk]:
    """Yield speech for `request`, the first chunk before its sentence is finished.

    With a `verifier`, sentences come whole and judged.

    Yields:
        AudioChunk: mono float32 [T] in [-1, 1] at the bundle's sample rate.
    Raises:
        InputError: the text, the language or an option is wrong.
        SynthesisError: the models gave no usable speech.
        ModelError: they failed.
    """
    scheduler = Scheduler(bundle, max_streams=1, verifier=verifier)
    scheduler.admit(request)
    while scheduler.live:
        for event in scheduler.step():
            if event.error is not None:
                raise event.error
            if event.chunk is not None:
                yield event.chunk


def synthesize(
    bundle: Bundle, request: SynthesisRequest, verifier: Verifier | None = None
) -> Audio:
    """Return the whole of what `stream` yields."""
    pieces = [chunk.samples for chunk in stream(bundle, request, verifier)]
    return Audio(np.concatenate(pieces), bundle.sample_rate_hz)
