"""Attention of the rows of one sentence as compiled code for the CPU, and that over the text.

Rows are frames or phonemes, channels last, float32.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import NamedTuple

from engine.models.kernel_parts import (
    ONE,
    ZERO,
    Numbers,
    add_and_norm,
    compiled,
    exponential,
    inlined,
    inner,
    lines,
)
from engine.models.kernel_threads import meet
from engine.models.panels import layer_of, multiply_part, multiply_rows, share_of
from engine.models.tile_kernel import FULL_ROWS, LANES, multiply_tile


class ReadText(NamedTuple):
    """What frames look at: the keys of all phonemes as panels, and both [N, 2 width]."""

    keys: Numbers
    both: Numbers


@cache
def reading() -> Callable[..., None]:
    """(projection to keys and values, phonemes [N, C], `ReadText` to fill, met, part, parts)."""

    def read(projection, x, text, met, part, parts):  # type: ignore[no-untyped-def]
        keys, both = text
        rows = share_of(len(x), part, parts)
        multiply_rows(layer_of(projection, 0), 1, 1, x, both, 0, None, ONE, rows)
        spread_keys(both, 0, keys, rows)

    return compiled(read)


@cache
def looking() -> Callable[..., None]:
    """(three projections, frames [T, C], `ReadText`, room, out [T, C], met, part, parts).

    See `look`.
    """

    def run(projections, x, text, room, out, met, part, parts):  # type: ignore[no-untyped-def]
        look(projections, x, text, room, out, part, parts)

    return compiled(run)


@inner
def look(projections, x, text, room, out, part, parts):  # type: ignore[no-untyped-def]
    """A part of the frames [T, C] looks at the text, from which `out` [T, C] comes.

    The projections are to the queries, from what was found, and from the frames themselves; the
    room is for the queries and what was found [T, width], and for the last one's outcome [T, C].
    """
    to_queries, from_found, straight = projections
    keys, both = text
    queries, found, kept = room
    rows = share_of(len(x), part, parts)
    nothing = lines(0, keys.shape[1])
    multiply_rows(layer_of(to_queries, 0), 1, 1, x, queries, 0, None, ONE, rows)
    at = found.shape[1]
    attend(queries, 0, both, at, keys, len(both), ONE, (nothing, nothing), found, rows)
    multiply_rows(layer_of(straight, 0), 1, 1, x, kept, 0, None, ONE, rows)
    multiply_rows(layer_of(from_found, 0), 1, 1, found, out, 0, kept, ONE, rows)


@inlined
def finish_layer(layer, weights, room, rows, times, met, part, parts):  # type: ignore[no-untyped-def]
    """A part of what follows the attention in a layer, for some rows of `room`'s x, in place.

    Returns how often the parts have met then. The weights are of the attention's outcome, the norm
    after it, the two layers behind and the norm after those. x and what lies between the two have
    as many silent rows before and behind as the two reach.
    """
    (out_proj, norm1, first, second, norm2), (x, attended, hidden, added) = weights, room
    taps = first[0].shape[2] // x.shape[1]
    begin, end = share_of(rows[1] - rows[0], part, parts)
    own = slice(rows[0] + begin, rows[0] + end)
    own_x = slice(own.start + taps // 2, own.stop + taps // 2)
    packed = layer_of(out_proj, layer)
    multiply_part(packed, 1, 1, attended, added, 0, None, ONE, rows, part, parts)
    meet(met, times + 1, parts)
    add_and_norm(x[own_x], added[own], norm1.gain[layer], norm1.bias[layer])
    meet(met, times + 2, parts)
    packed = layer_of(first, layer)
    multiply_part(packed, taps, 1, x, hidden, taps // 2, None, ZERO, rows, part, parts)
    meet(met, times + 3, parts)
    packed = layer_of(second, layer)
    multiply_part(packed, taps, 1, hidden, added, 0, None, ONE, rows, part, parts)
    meet(met, times + 4, parts)
    add_and_norm(x[own_x], added[own], norm2.gain[layer], norm2.bias[layer])
    meet(met, times + 5, parts)
    return times + 5


@inner
def spread_keys(kv, k_at, keys, rows):  # type: ignore[no-untyped-def]
    """Put the keys of some rows, at columns from `k_at` on, into their places in the panels.

    The panels of all heads are [heads * panels, head width, LANES], every 16 keys of a head one.
    """
    head_width, per_head = keys.shape[1], (len(kv) + LANES - 1) // LANES
    for t in range(rows[0], rows[1]):
        panel, lane = t // LANES, t % LANES
        for head in range(len(keys) // per_head):
            at = k_at + head * head_width
            for i in range(head_width):
                keys[head * per_head + panel, i, lane] = kv[t, at + i]


@inner
def attend(q, q_at, v, v_at, keys, seen, factor, relative, out, rows):  # type: ignore[no-untyped-def]
    """Attention of some rows, [T, C] into `out`.

    A row looks at the first `seen` positions, and at all up to its own. Queries and values begin
    at columns `q_at` and `v_at` of `q` and `v`; the keys are panels; scores are multiplied by
    `factor`. `relative` are keys and values [offsets, head width] of the positions around a row,
    which have no offsets where there are none.
    """
    relative_keys, relative_values = relative
    head_width, width = keys.shape[1], out.shape[1]
    heads, panels = width // head_width, len(keys) * head_width // width
    scores = lines(FULL_ROWS, panels * LANES)
    to_scores = scores.shape[1], q.shape[1], 1, 0, head_width, head_width * LANES
    first, last = rows
    for begin in range(first, last, FULL_ROWS):
        row = max(first, min(begin, last - FULL_ROWS))
        some = min(FULL_ROWS, last - row)
        positions = min(len(v), max(seen, row + some))
        to_out = width, scores.shape[1], 1, 0, positions, LANES, v.shape[1]
        for head in range(heads):
            query = row * q.shape[1] + q_at + head * head_width
            for panel in range((positions + LANES - 1) // LANES):
                key = (head * panels + panel) * head_width * LANES
                _multiply_six(scores, panel * LANES, q, query, (keys,), key, to_scores, some)
            for i in range(some):
                own = min(len(v), max(seen, row + i + 1))
                at = q_at + head * head_width
                _weigh(scores[i], own, positions, factor, q[row + i], at, relative_keys, row + i)
            for c in range(head * head_width, (head + 1) * head_width, LANES):
                _multiply_six(out, row * width + c, scores, 0, (v,), v_at + c, to_out, some)
            for i in range(some if len(relative_values) else 0):
                own_out = out[row + i, head * head_width : (head + 1) * head_width]
                _add_relative(own_out, scores[i], positions, relative_values, row + i)


@inlined
def _multiply_six(out, out_at, x, x_at, packed, at, shape, rows):  # type: ignore[no-untyped-def]
    """One panel of a product of six rows, or of fewer, one by one."""
    if rows == 6:
        multiply_tile(out, out_at, x, x_at, packed, at, 0, None, ONE, shape, 6, 1)
    else:
        for i in range(rows):
            place, row = out_at + i * shape[0], x_at + i * shape[1]
            multiply_tile(out, place, x, row, packed, at, 0, None, ONE, shape, 1, 1)


@inlined
def _weigh(scores, positions, all_positions, factor, query, q_at, relative, row):  # type: ignore[no-untyped-def]
    """Add the scores of the positions around a row, and turn all into weights, in place."""
    window, head_width = len(relative) // 2, relative.shape[1]
    for offset in range(len(relative)):
        t = row + offset - window
        if 0 <= t < positions:
            for i in range(head_width):
                scores[t] += query[q_at + i] * relative[offset, i]
    best, total = scores[0], ZERO
    for t in range(positions):
        best = max(best, scores[t])
    for t in range(positions):
        scores[t] = exponential(factor * (scores[t] - best))
        total += scores[t]
    for t in range(positions):
        scores[t] /= total
    for t in range(positions, all_positions):
        scores[t] = ZERO


@inner
def _add_relative(out, weights, positions, relative, row):  # type: ignore[no-untyped-def]
    """Add the values of the positions around a row, [head width]."""
    window, head_width = len(relative) // 2, relative.shape[1]
    for offset in range(len(relative)):
        t = row + offset - window
        if 0 <= t < positions:
            weight = weights[t]
            for i in range(head_width):
                out[i] += weight * relative[offset, i]
