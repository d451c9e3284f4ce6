"""Reading a prompt with a text-to-semantic model as compiled code for the CPU.

As `decoding_kernel`, for all positions of one sequence at once. The parts (`kernel_threads`) share
out what a step reads most of: its positions, or its weight.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine.models.attention_kernel import attend, finish_layer, spread_keys
from engine.models.kernel_parts import ONE, Numbers, compiled, inner, lines, narrow
from engine.models.kernel_threads import meet
from engine.models.panels import layer_of, multiply_part, share_of


class ReadingRoom(NamedTuple):
    """What the parts share, float32.

    Attributes:
        x: [T, D], the embedded sequence; of the outcome only the last row is computed.
        qkv: [T, 3 D].
        panels: [heads * panels, head width, LANES], the keys as `attend` reads them.
        attended, hidden, added: [T, D], [T, inner], [T, D or more].
        keys, values: [layers, heads, T, head width], as the cache has them.
    """

    x: Numbers
    qkv: Numbers
    panels: Numbers
    attended: Numbers
    hidden: Numbers
    added: Numbers
    keys: NDArray[Any]
    values: NDArray[Any]


@cache
def prefilling() -> Callable[..., None]:
    """(weights as of `decoding_step`, positions of text, room, met, part, parts)."""

    def fill(weights, text, room, met, part, parts):  # type: ignore[no-untyped-def]
        _, in_proj, out_proj, norm1, linear1, linear2, norm2, _ = weights
        x, qkv, panels, attended, hidden, added, keys, values = room
        length, width = x.shape
        layers, head_width = keys.shape[0], keys.shape[3]
        behind, places = (out_proj, norm1, linear1, linear2, norm2), (x, attended, hidden, added)
        factor, nothing, times = ONE / np.sqrt(np.float32(head_width)), lines(0, head_width), 0
        for layer in range(layers):
            packed, all_rows = layer_of(in_proj, layer), (0, length)
            multiply_part(packed, 1, 1, x, qkv, 0, None, ONE, all_rows, part, parts)
            meet(met, times + 1, parts)
            begin, end = share_of(length, part, parts)
            spread_keys(qkv, width, panels, (begin, end))
            _keep(qkv, keys, values, layer, (begin, end))
            meet(met, times + 2, parts)
            # of the last layer nothing but the last position is asked for
            first = length - 1 if layer == layers - 1 else 0
            begin, end = share_of(length - first, part, parts)
            rows, some = (first + begin, first + end), (first, length)
            attend(qkv, 0, qkv, 2 * width, panels, text, factor, (nothing, nothing), attended, rows)
            meet(met, times + 3, parts)
            times = finish_layer(layer, behind, places, some, times + 3, met, part, parts)

    return compiled(fill)


@inner
def _keep(qkv, keys, values, layer, rows):  # type: ignore[no-untyped-def]
    """Put keys and values of some positions where the cache will have them."""
    _, heads, _, head_width = keys.shape
    width = heads * head_width
    for t in range(rows[0], rows[1]):
        for h in range(heads):
            for i in range(head_width):
                c = h * head_width + i
                keys[layer, h, t, i] = narrow(qkv[t, width + c], keys[layer, h, t, i])
                values[layer, h, t, i] = narrow(qkv[t, 2 * width + c], values[layer, h, t, i])
