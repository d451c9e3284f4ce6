"""The prior of one sentence as one call of compiled code for the CPU; see `prior_encoder`."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

from engine.models.attention_kernel import look
from engine.models.encoder_kernel import run_layers
from engine.models.kernel_parts import ONE, compiled
from engine.models.kernel_threads import meet
from engine.models.panels import layer_of, multiply_part


@cache
def encoding_prior() -> Callable[..., None]:
    """(weights, rooms, content [T, D], text, out [T, 2 C'], met, part, parts).

    The weights are those of the projection of the content, of both encoders with those of the look
    at the text between them, and of the projection to the prior; the rooms those of the three in
    the middle. `text` is a `ReadText`. What is projected to the prior stays in the last room.
    """

    def encode(weights, rooms, content, text, out, met, part, parts):  # type: ignore[no-untyped-def]
        to_content, first, to_text, second, to_prior = weights
        before, between, after = rooms
        rows = 0, len(content)
        reach = (len(before.x) - len(content)) // 2
        inside = slice(reach, reach + len(content))
        packed = layer_of(to_content, 0)
        multiply_part(packed, 1, 1, content, before.x, reach, None, ONE, rows, part, parts)
        meet(met, 1, parts)
        times = run_layers(first, before, 1, met, part, parts)
        look(to_text, before.x[inside], text, between, after.x[inside], part, parts)
        times += 1
        meet(met, times, parts)
        run_layers(second, after, times, met, part, parts)
        packed = layer_of(to_prior, 0)
        multiply_part(packed, 1, 1, after.x[inside], out, 0, None, ONE, rows, part, parts)

    return compiled(encode)
