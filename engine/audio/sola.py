"""Joins of overlapping audio: the later piece slides to where it matches best, then fades in.

Reference: "Synchronized overlap-add" (Roucos and Wilgus, ICASSP 1985), with the search bounded
to a few milliseconds.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

ENERGY_FLOOR = 1e-8


def join_fragments(fragments: Sequence[Tensor], overlap: int, search: int) -> Tensor:
    """Return one wave [T] of `fragments`, each [T_i], which overlap by about `overlap` samples.

    Every fragment but the first starts up to `search` samples early.
    """
    joined = [fragments[0]]
    for fragment in fragments[1:]:
        previous = joined.pop()
        joined.append(previous[: len(previous) - overlap])
        joined.append(align(previous[len(previous) - overlap :], fragment, search))
    return torch.cat(joined)


def align(tail: Tensor, fragment: Tensor, search: int) -> Tensor:
    """Return `fragment` without the samples before the best match, faded in over `tail`.

    Args:
        tail: [L], the end of the wave so far; the result begins where `tail` begins.
        fragment: [T] with T >= L + `search`.
        search: how many samples at the start of `fragment` may be dropped.
    """
    overlap = len(tail)
    start = best_offset(tail, fragment[: overlap + search])
    aligned = fragment[start:].clone()
    fade = torch.hann_window(2 * overlap, dtype=tail.dtype, device=tail.device)
    aligned[:overlap] = fade[:overlap] * aligned[:overlap] + fade[overlap:] * tail
    return aligned


def best_offset(tail: Tensor, window: Tensor) -> int:
    """Return where in `window` [L + S] the `tail` [L] fits best, by normalized correlation."""
    signal = window.view(1, 1, -1)
    correlation = F.conv1d(signal, tail.view(1, 1, -1))
    energy = F.conv1d(signal.square(), torch.ones_like(tail).view(1, 1, -1))
    return int((correlation / torch.sqrt(energy + ENERGY_FLOOR)).argmax())
