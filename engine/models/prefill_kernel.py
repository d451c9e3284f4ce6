"""Reading a prompt with a text-to-semantic model as compiled code for the CPU.

As `decoding_kernel`, for all positions of one sequence at once. Every part (`kernel_threads`) has
positions of its own through a whole layer; the parts meet once in each, for its keys and values.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from engine.models.attention_kernel import Numbers, attend, spread_keys
from engine.models.kernel_parts import ONE, ZERO, add_and_norm, compiled, lines, narrow
from engine.models.kernel_threads import meet
from engine.models.panels import layer_of, multiply_rows, share_of


class ReadingRoom(NamedTuple):
    """What the parts share, float32; what two layers in turn have is there twice.

    Attributes:
        x: [T, D], the embedded sequence; of the outcome only the last row is computed.
        qkv: [2 T, 3 D].
        panels: [2 heads * panels, head width, LANES], the keys as `attend` reads them.
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
        x, qkvs, panels, attended, hidden, added, keys, values = room
        length, width = x.shape
        layers, head_width = keys.shape[0], keys.shape[3]
        rows, factor = share_of(length, part, parts), ONE / np.sqrt(np.float32(head_width))
        nothing = lines(0, head_width)
        for layer in range(layers):
            turn, half = layer % 2, len(panels) // 2
            qkv = qkvs[turn * length : (turn + 1) * length]
            spread = panels[turn * half : (turn + 1) * half]
            multiply_rows(layer_of(in_proj, layer), 1, 1, x, qkv, 0, None, ONE, rows)
            spread_keys(qkv, width, spread, rows)
            _keep(qkv, keys, values, layer, rows)
            meet(met, layer + 1, parts)
            if layer == layers - 1:  # nothing but the last position is asked for
                rows = max(rows[0], length - 1), rows[1]
            own = slice(rows[0], max(rows[0], rows[1]))
            attend(qkv, 0, qkv, 2 * width, spread, text, factor, (nothing, nothing), attended, rows)
            multiply_rows(layer_of(out_proj, layer), 1, 1, attended, added, 0, None, ONE, rows)
            add_and_norm(x[own], added[own], norm1.gain[layer], norm1.bias[layer])
            multiply_rows(layer_of(linear1, layer), 1, 1, x, hidden, 0, None, ZERO, rows)
            multiply_rows(layer_of(linear2, layer), 1, 1, hidden, added, 0, None, ONE, rows)
            add_and_norm(x[own], added[own], norm2.gain[layer], norm2.bias[layer])

    return compiled(fill)


@njit(error_model="numpy")
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
