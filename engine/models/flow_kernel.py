"""The flow of one sentence, towards the vocoder, as compiled code for the CPU; see `flow.Flow`.

Rows are frames, channels last. The parts (`kernel_threads`) share out what a step reads most of:
its rows, or its weight. The last products of a coupling layer follow each other without anything
between, so they are one matrix, over what all layers of its WaveNet have gated.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import NamedTuple

import numpy as np

from engine.models.kernel_parts import ONE, ZERO, Numbers, compiled, exponential, inner
from engine.models.kernel_threads import meet
from engine.models.panels import Projection, layer_of, multiply_part, share_of


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
    """(weights, room, ahead, met, part, parts): all couplings, in place of `room.halves`.

    After an even number of couplings the halves are as they were, after an odd one exchanged. Of
    the first `ahead` frames is computed only what the others look at.
    """

    def undo(weights, room, ahead, met, part, parts):  # type: ignore[no-untyped-def]
        pre, gates, residuals, shift = weights
        halves, shifted, x, next_x, gated, both = room
        length, half = shifted.shape
        depth, reach, taps = len(gated) // length, (len(x) - length) // 2, len(x) - length + 1
        layers, layer, times = len(pre[0]) * depth, 0, 0
        for coupling in range(len(pre[0])):
            read, other = halves[coupling % 2], halves[1 - coupling % 2]
            rows = max(0, ahead - reach * (layers - layer)), length
            packed = layer_of(pre, coupling)
            multiply_part(packed, 1, 1, read, x, reach, None, ONE, rows, part, parts)
            for i in range(depth):
                layer += 1
                rows = max(0, ahead - reach * (layers - layer)), length
                now, after = (x, next_x) if i % 2 == 0 else (next_x, x)
                meet(met, times + 1, parts)
                packed = layer_of(gates, layer - 1)
                multiply_part(packed, taps, 1, now, both, 0, None, ONE, rows, part, parts)
                meet(met, times + 2, parts)
                out = gated[i * length : (i + 1) * length]
                _gate(both, out, rows[0], part, parts)
                times += 3
                meet(met, times, parts)
                if i < depth - 1:
                    packed = layer_of(residuals, layer - 1)
                    multiply_part(packed, 1, 1, out, after, reach, now, ONE, rows, part, parts)
            packed = layer_of(shift, coupling)
            multiply_part(packed, depth, length, gated, shifted, 0, other, ONE, rows, part, parts)
            meet(met, times + 1, parts)
            begin, end = share_of(length - rows[0], part, parts)
            for t in range(rows[0] + begin, rows[0] + end):
                for c in range(half):
                    other[t, c] = shifted[t, c]
            times += 2
            meet(met, times, parts)

    return compiled(undo)


@inner
def _gate(both, out, first, part, parts):  # type: ignore[no-untyped-def]
    """A part of the rows from `first` on: tanh of the left half times the right half's sigmoid."""
    width = out.shape[1]
    begin, end = share_of(len(out) - first, part, parts)
    for t in range(first + begin, first + end):
        for c in range(width):
            left, right = both[t, c], both[t, width + c]
            e = exponential(np.float32(-2) * abs(left))
            bent = (ONE - e) / (ONE + e)
            f = exponential(-abs(right))
            open_by = (ONE if right > ZERO else f) / (ONE + f)
            out[t, c] = (bent if left > ZERO else -bent) * open_by
