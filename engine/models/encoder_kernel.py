"""The VITS encoder of one sentence as compiled code for the CPU; see `attention.Encoder`.

A library's convolution lays a weight out anew at every call, which for the few frames of a piece
takes longer than the sums; here weights lie in panels. Rows are frames, channels last. The parts
(`kernel_threads`) share out what a step reads most of: its rows, or its weight.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import NamedTuple

from engine.models.attention_kernel import attend, finish_layer, spread_keys
from engine.models.kernel_parts import ONE, Norm, Numbers, compiled, inner
from engine.models.kernel_threads import meet
from engine.models.panels import Projection, layer_of, multiply_part, share_of


class EncoderWeights(NamedTuple):
    """All layers of an encoder.

    Attributes:
        in_proj: queries, keys and values; the queries are scaled for their heads.
        relative_keys, relative_values: [layers, 2 window + 1, head width].
        first, second: the convolutions, panels [layers, panels, taps * in, LANES].
    """

    in_proj: Projection
    relative_keys: Numbers
    relative_values: Numbers
    out_proj: Projection
    norm1: Norm
    first: Projection
    second: Projection
    norm2: Norm


class EncoderRoom(NamedTuple):
    """What the parts share, float32; `reach` silent rows lie before and behind x and hidden."""

    x: Numbers  # [T + 2 reach, C], the input and the outcome
    qkv: Numbers  # [T, 3 C]
    keys: Numbers  # [heads * T / LANES, head width, LANES], every 16 keys of a head as a panel
    attended: Numbers  # [T, C]
    hidden: Numbers  # [T + 2 reach, inner]
    added: Numbers  # [T, C]


@cache
def encoding() -> Callable[..., None]:
    """(weights, room, met, part, parts): all layers, in place of `room.x`."""

    def encode(weights, room, met, part, parts):  # type: ignore[no-untyped-def]
        run_layers(weights, room, 0, met, part, parts)

    return compiled(encode)


@inner
def run_layers(weights, room, times, met, part, parts):  # type: ignore[no-untyped-def]
    """A part of all layers, after so many meetings; how many there have been then."""
    in_proj, relative_keys, relative_values, out_proj, norm1, first, second, norm2 = weights
    x, qkv, keys, attended, hidden, added = room
    length, width = attended.shape
    layers, reach = len(relative_keys), (len(x) - length) // 2
    behind, places = (out_proj, norm1, first, second, norm2), (x, attended, hidden, added)
    whole, rows, inside = (0, length), share_of(length, part, parts), x[reach : reach + length]
    for layer in range(layers):
        packed = layer_of(in_proj, layer)
        multiply_part(packed, 1, 1, inside, qkv, 0, None, ONE, whole, part, parts)
        meet(met, times + 1, parts)
        spread_keys(qkv, width, keys, rows)
        meet(met, times + 2, parts)
        relative = relative_keys[layer], relative_values[layer]
        attend(qkv, 0, qkv, 2 * width, keys, length, ONE, relative, attended, rows)
        meet(met, times + 3, parts)
        times = finish_layer(layer, behind, places, whole, times + 3, met, part, parts)
    return times
