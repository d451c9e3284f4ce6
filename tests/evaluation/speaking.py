"""Many texts spoken by a bundle, several at once, as the server does it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from engine.errors import EngineError
from engine.pipeline.bundle import Bundle
from engine.pipeline.scheduler import Scheduler
from engine.types import Audio, Samples, SynthesisOptions, SynthesisRequest

AT_ONCE = 8


def speak_all(bundle: Bundle, voice_id: str, texts: Sequence[str]) -> list[Audio | EngineError]:
    """Return the speech of each text in the voice's language, or the error that it ended in.

    The seed of a text is its place in the list, so that a judgement can be repeated.
    """
    voice = bundle.builtin_voices[voice_id]
    scheduler = Scheduler(bundle, AT_ONCE)
    place: dict[int, int] = {}
    pieces: list[list[Samples]] = [[] for _ in texts]
    errors: dict[int, EngineError] = {}
    for index, text in enumerate(texts):
        options = SynthesisOptions(seed=index)
        request = SynthesisRequest(text, voice.language, voice.prompt, options)
        place[scheduler.admit(request)] = index
    while scheduler.live:
        for event in scheduler.step():
            if event.chunk is not None:
                pieces[place[event.stream_id]].append(event.chunk.samples)
            if event.error is not None:
                errors[place[event.stream_id]] = event.error
    rate = bundle.sample_rate_hz
    return [
        errors[index] if index in errors else Audio(np.concatenate(parts), rate)
        for index, parts in enumerate(pieces)
    ]
