"""A HiFi-GAN's stream as compiled code for the CPU: one call for some frames, through all layers.

Sound is [T, C] float32. Every layer keeps the rows of its input that its next ones need. The parts
of a call (`kernel_threads`) meet wherever they read what others have written; between two calls
they would have to be woken, which takes longer than many a layer.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine.models.convolution_kernel import convolve
from engine.models.hifigan import FINAL_SLOPE, SLOPE
from engine.models.kernel_parts import ONE, ZERO, Counts, Numbers, compiled, inlined, inner
from engine.models.kernel_threads import meet
from engine.models.panels import share_of
from engine.models.tile_kernel import LANES

BENT, FINALLY_BENT = np.float32(SLOPE), np.float32(FINAL_SLOPE)

TAPS = "points", "panels", "depth", "taps", "dilation", "outputs"
PLACES = "weight", "scale", "bias", "kept"
ROWS = "width", "most", "behind", "stride", "cut"
LAYER = np.dtype([(f, np.int64) for f in (*TAPS, *PLACES, *ROWS)], align=True)
"""A convolution, one that upsamples, or the mean of a stage's blocks.

`TAPS` are those of `convolution_kernel.Taps`, `PLACES` where weights begin among the numbers, and
kept rows among the kept ones. A layer keeps at most so many rows of its `width`, and reads silent
ones `behind` the sound. One that upsamples gives `stride` rows at a time; at the end some are
`cut`.
"""


class Model(NamedTuple):
    """What streams share.

    Attributes:
        numbers: all weights, scales and biases.
        layers: `LAYER` of the first convolution, of each stage's upsampling, its blocks'
            convolutions and its mean, and of the last convolution.
        pairs: how many pairs of convolutions each block of a stage has.
        lead: how many rows there is room for ahead of a sound, for those that are kept of it or
            skipped.
    """

    numbers: Numbers
    layers: NDArray[Any]
    pairs: Counts
    lead: int


class Seen(NamedTuple):
    """What one stream keeps.

    Attributes:
        kept: rows of all layers.
        known: how many each layer has.
        skipped: how many outputs of each upsampling are still to be left out.
        ahead: to how many kept rows of a stage's mean each block has been added, [stages, blocks].
    """

    kept: Numbers
    known: Counts
    skipped: Counts
    ahead: Counts


class Room(NamedTuple):
    """Where sound lies between layers, flat; nothing of it is needed after a call."""

    sound: Numbers
    one: Numbers
    other: Numbers
    bent: Numbers
    middle: Numbers
    total: Numbers


@cache
def generating() -> Callable[..., int]:
    """(model, seen, after, bias, z [T, in], last, room, met, part, parts) -> how many samples.

    `after` is to be `seen` the next time; both have the same `kept`. `bias` [1, C] is the first
    convolution's. The samples are in the first of LANES columns of `room.sound`.
    """

    def generate(model, seen, after, bias, z, last, room, met, part, parts):  # type: ignore[no-untyped-def]
        call, worker = (model, seen, after, room, last), (met, part, parts)
        times = at = np.int64(0)  # a literal would be compiled apart
        rows = _alone(call, at, bias, z, ONE, room.total, times, worker)
        times, at = times + 2, at + 1
        for stage in range(len(seen.ahead)):
            fresh = _upsample(call, stage, at, rows, times, worker)
            rows, times, at = _blocks(call, stage, at + 1, fresh, times + 2, worker)
        x = _rows(room.total, 0, rows, model.layers[at].width)
        bias = _bias(model, at)
        return _alone(call, at, bias, x, FINALLY_BENT, room.sound, times, worker)

    return compiled(generate)


@inner
def _alone(call, at, bias, x, slope, out, times, worker):  # type: ignore[no-untyped-def]
    """A convolution of bent samples that is not part of a pair; how many rows it gives."""
    (model, seen, after, room, last), (met, part, parts) = call, worker
    layer, known = model.layers[at], seen.known[at]
    before = _kept(seen.kept, layer)
    behind = layer.behind if last else 0
    bent = _rows(room.bent, 0, known + len(x) + behind, layer.width)
    _bend(before, known, x, slope, bent, part, parts)
    meet(met, times + 1, parts)
    after.known[at] = _keep(before, known, x, part, parts)
    rows = max(0, len(bent) - (layer.taps - 1) * layer.dilation)
    made = _rows(out, 0, rows, layer.panels * LANES)
    convolve(_taps(model.numbers, layer, bias), bent, made, None, ONE, part, parts)
    meet(met, times + 2, parts)
    return rows


@inlined
def _upsample(call, stage, at, rows, times, worker):  # type: ignore[no-untyped-def]
    """From `room.total` to `room.sound`; how many rows it gives."""
    model, seen, after, room, last = call
    layer, skipped = model.layers[at], seen.skipped[stage]
    begin = (model.lead - skipped) * layer.panels * LANES // layer.stride
    x = _rows(room.total, 0, rows, layer.width)
    groups = _alone(call, at, _bias(model, at), x, BENT, room.sound[begin:], times, worker)
    fresh = groups * layer.stride - skipped
    after.skipped[stage] = max(0, -fresh)
    return max(0, fresh - layer.cut if last else fresh)


@inlined
def _blocks(call, stage, at, fresh, times, worker):  # type: ignore[no-untyped-def]
    """From `room.sound` to `room.total`: the mean of a stage's blocks, of which some lag behind.

    Returns how many rows it gives, how often parts have met, and which layer is the next.
    """
    (model, seen, after, room, _), (met, part, parts) = call, worker
    mean = at + 2 * model.pairs.sum()
    width, before = model.layers[mean].width, _kept(seen.kept, model.layers[mean])
    filled, ahead = seen.known[mean], seen.ahead[stage]
    _copy(before, _rows(room.total, 0, filled, width), part, parts)
    until = np.empty_like(ahead)
    for block in range(len(ahead)):
        count, source, into, spare = fresh, room.sound, room.one, room.other
        for _ in range(model.pairs[block]):
            count = _pair(call, at, source, count, into, times, worker)
            source, into, spare = into, spare, into
            times, at = times + 3, at + 2
        until[block] = ahead[block] + count
        added = _rows(source, model.lead, count, width)
        total = _rows(room.total, ahead[block], count, width)
        _add(added, ONE / np.float32(len(ahead)), total, filled - ahead[block], part, parts)
        filled = max(filled, until[block])
    meet(met, times + 1, parts)
    rows = until.min()
    _copy(_rows(room.total, rows, filled - rows, width), before, part, parts)
    after.known[mean] = filled - rows
    for block in range(len(ahead)):
        after.ahead[stage, block] = until[block] - rows
    return rows, times + 1, mean + 1


@inlined
def _pair(call, at, source, count, into, times, worker):  # type: ignore[no-untyped-def]
    """Two convolutions, each of bent samples, whose outcome is added to what they began with.

    `source` has `count` rows behind its lead; returns how many are put behind that of `into`.
    """
    (model, seen, after, room, last), (met, part, parts) = call, worker
    first, second, lead = model.layers[at], model.layers[at + 1], model.lead
    known, between, width = seen.known[at], seen.known[at + 1], first.width
    before, before_second = _kept(seen.kept, first), _kept(seen.kept, second)
    reach, second_reach = first.behind, second.behind
    x = _rows(source, lead, count, width)
    bent = _rows(room.bent, 0, known + count + (reach if last else 0), width)
    ready = max(0, len(bent) - 2 * reach)
    middle = _rows(room.middle, 0, between + ready + (second_reach if last else 0), width)
    made = middle[between : between + ready]
    _copy(before[:known], _rows(source, lead - known, known, width), part, parts)
    _copy(before_second[:between], middle[:between], part, parts)
    middle[between + ready :] = ZERO
    _bend(before, known, x, BENT, bent, part, parts)
    meet(met, times + 1, parts)
    after.known[at] = _keep(before, known, x, part, parts)
    conv = _taps(model.numbers, first, _bias(model, at))
    convolve(conv, bent, made, None, BENT, part, parts)
    meet(met, times + 2, parts)
    after.known[at + 1] = _keep(before_second, between, made, part, parts)
    rows = max(0, len(middle) - 2 * second_reach)
    out = _rows(into, lead, rows, width)
    base = _rows(source, lead - known + reach + second_reach - between, rows, width)
    conv = _taps(model.numbers, second, _bias(model, at + 1))
    convolve(conv, middle, out, base, ONE, part, parts)
    meet(met, times + 3, parts)
    return rows


@inner
def _bend(before, known, x, slope, bent, part, parts):  # type: ignore[no-untyped-def]
    """A part of the `known` rows `before` x, of x, and of silent rows, bent below zero."""
    begin, end = share_of(len(bent), part, parts)
    sound = known + len(x)
    for t in range(begin, min(end, known)):
        for c in range(x.shape[1]):
            bent[t, c] = max(before[t, c], slope * before[t, c])
    for t in range(max(begin, known), min(end, sound)):
        for c in range(x.shape[1]):
            bent[t, c] = max(x[t - known, c], slope * x[t - known, c])
    for t in range(max(begin, sound), end):
        for c in range(x.shape[1]):
            bent[t, c] = ZERO


@inner
def _keep(kept, known, x, part, parts):  # type: ignore[no-untyped-def]
    """Keep the last of the `known` rows and of x, in a part of the columns; how many they are."""
    count = min(len(kept), known + len(x))
    begin, end = share_of(x.shape[1], part, parts)
    for t in range(count):
        source = known + len(x) - count + t
        for c in range(begin, end):
            kept[t, c] = kept[source, c] if source < known else x[source - known, c]
    return count


@inner
def _copy(x, out, part, parts):  # type: ignore[no-untyped-def]
    """A part of the rows that both have."""
    begin, end = share_of(min(len(x), len(out)), part, parts)
    for t in range(begin, end):
        for c in range(x.shape[1]):
            out[t, c] = x[t, c]


@inlined
def _add(x, factor, total, filled, part, parts):  # type: ignore[no-untyped-def]
    """A part of factor * x, added to the `filled` rows of the total; the others had nothing yet."""
    begin, end = share_of(len(x), part, parts)
    for t in range(begin, min(end, filled)):
        for c in range(x.shape[1]):
            total[t, c] += factor * x[t, c]
    for t in range(max(begin, filled), end):
        for c in range(x.shape[1]):
            total[t, c] = factor * x[t, c]


@inlined
def _rows(flat, first, rows, width):  # type: ignore[no-untyped-def]
    """Some rows of a flat array."""
    return flat[first * width : (first + rows) * width].reshape(rows, width)


@inlined
def _kept(kept, layer):  # type: ignore[no-untyped-def]
    """The place of a layer among the kept rows."""
    size = layer.most * layer.width
    return kept[layer.kept : layer.kept + size].reshape(layer.most, layer.width)


@inlined
def _bias(model, at):  # type: ignore[no-untyped-def]
    """The biases of a layer, [1, columns]."""
    layer = model.layers[at]
    return _rows(model.numbers[layer.bias :], 0, 1, layer.panels * LANES)


@inlined
def _taps(numbers, layer, bias):  # type: ignore[no-untyped-def]
    """The `Taps` of a layer."""
    shape = max(1, layer.points), layer.panels, layer.depth, LANES
    size = shape[0] * shape[1] * shape[2] * LANES
    weight = numbers[layer.weight : layer.weight + size].reshape(shape)
    scale = _rows(numbers[layer.scale :], 0, 1, layer.panels * LANES)
    return weight, scale, bias, layer.taps, layer.dilation, layer.points, layer.outputs
