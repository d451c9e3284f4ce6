"""The flow of one sentence, towards the vocoder, as compiled code for the CPU; see `flow.Flow`.

Rows are frames, channels last. The parts (`kernel_threads`) share out what a step reads most of, its
rows or its weight. The last products of a coupling layer follow each other without
anything between, so they are one matrix, over what all layers of its WaveNet have gated.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from engine.models.kernel_parts import ONE, ZERO, compiled, exponential
from engine.models.kernel_threads import meet
from engine.models.panels import Projection, layer_of, multiply_part, share_of

Numbers = NDArray[np.float32]


class FlowWeights(NamedTuple):
    """All coupling layers, the first one to be undone first; each has `depth` WaveNet layers.

    Attributes:
        pre: from half of the latents, [couplings, ...].
        gates: the convolutions, panels [couplings * depth, panels, taps * in, LANES]; their biases
            are those of a style.
        residuals: [couplings * depth, ...]; the last one of a coupling is not used.
        shift: what is added to the other half, panels [couplings, panels, depth * in, LANES].
    """

    pre: Projection
    gates: Projection
    residuals: Projection
    shift: Projection


class FlowRoom(NamedTuple):
    """What the parts share, float32; `reach` silent rows lie before and behind `x` and `next_x`."""

    halves: Numbers  # [2, T, C / 2]: what the next coupling reads, and what it shifts
    shifted: Numbers  # [T, C / 2]
    x: Numbers  # [T + 2 reach, hidden]
    next_x: Numbers
    gated: Numbers  # [depth * T, hidden], of one layer after the other
    both: Numbers  # [T, 2 hidden], before the gate


@cache
def undoing() -> Callable[..., None]:
    """(weights, room, met, part, parts): all couplings, in place of `room.halves`.

    After an even number of couplings the halves are as they were, after an odd one exchanged.
    """

    def undo(weights, room, met, part, parts):  # type: ignore[no-untyped-def]
        pre, gates, residuals, shift = weights
        halves, shifted, x, next_x, gated, both = room
        length, half = shifted.shape
        depth, reach, taps = len(gated) // length, (len(x) - length) // 2, len(x) - length + 1
        rows, times = share_of(length, part, parts), 0
        for coupling in range(len(pre[0])):
            read, other = halves[coupling % 2], halves[1 - coupling % 2]
            packed = layer_of(pre, coupling)
            multiply_part(packed, 1, 1, read, x, reach, None, ONE, length, part, parts)
            for i in range(depth):
                layer = coupling * depth + i
                now, after = (x, next_x) if i % 2 == 0 else (next_x, x)
                meet(met, times + 1, parts)
                packed = layer_of(gates, layer)
                multiply_part(packed, taps, 1, now, both, 0, None, ONE, length, part, parts)
                meet(met, times + 2, parts)
                out = gated[i * length : (i + 1) * length]
                _gate(both, out, rows)
                times += 3
                meet(met, times, parts)
                if i < depth - 1:
                    packed = layer_of(residuals, layer)
                    multiply_part(packed, 1, 1, out, after, reach, now, ONE, length, part, parts)
            packed = layer_of(shift, coupling)
            multiply_part(
                packed, depth, length, gated, shifted, 0, other, ONE, length, part, parts
            )
            times += 1
            meet(met, times, parts)
            for t in range(rows[0], rows[1]):
                for c in range(half):
                    other[t, c] = shifted[t, c]
            times += 1
            meet(met, times, parts)

    return compiled(undo)


@njit(fastmath=True, error_model="numpy")
def _gate(both, out, rows):  # type: ignore[no-untyped-def]
    """Tanh of the left half of some rows times the sigmoid of the right half."""
    width = out.shape[1]
    for t in range(rows[0], rows[1]):
        for c in range(width):
            left, right = both[t, c], both[t, width + c]
            e = exponential(np.float32(-2) * abs(left))
            bent = (ONE - e) / (ONE + e)
            f = exponential(-abs(right))
            open_by = (ONE if right > ZERO else f) / (ONE + f)
            out[t, c] = (bent if left > ZERO else -bent) * open_by
