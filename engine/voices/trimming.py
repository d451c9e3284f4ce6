"""Where a recording is silent, and where it can be cut without harm to a word."""

from __future__ import annotations

from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from engine.types import Audio

FRAME_S = 0.02
QUIET_SHARE = 0.08  # of the loud frames' level; quieter is a pause
LOUD_PERCENTILE = 95
SHORTEST_PAUSE_S = 0.16
KEPT_S = 0.2  # silence that stays around the speech

Flags = NDArray[np.bool_]


def without_edge_silence(audio: Audio) -> Audio:
    """Return `audio` without the silence before and after the speech, save 0.2 s of each."""
    spoken = np.flatnonzero(spoken_frames(audio))
    if not len(spoken):
        return audio
    frame = _frame_samples(audio)
    kept = round(KEPT_S * audio.sample_rate_hz)
    begin = max(0, int(spoken[0]) * frame - kept)
    end = (int(spoken[-1]) + 1) * frame + kept
    return Audio(audio.samples[begin:end], audio.sample_rate_hz)


def best_window(audio: Audio, min_s: float, max_s: float) -> tuple[float, float] | None:
    """Begin and end in seconds of the part with the most speech, cut at pauses.

    None if no two pauses lie `min_s` to `max_s` apart.
    """
    is_spoken = spoken_frames(audio)
    spoken_until = np.concatenate([[0], np.cumsum(is_spoken)])
    best, window = 0, None
    for begin, end in combinations(cuts(audio), 2):
        if not min_s <= (end - begin) * FRAME_S <= max_s:
            continue
        spoken = int(spoken_until[end] - spoken_until[begin])
        if spoken > best:
            best, window = spoken, (begin * FRAME_S, end * FRAME_S)
    return window


def spoken_frames(audio: Audio) -> Flags:
    """Per frame of 20 ms, whether it is louder than a pause."""
    frame = _frame_samples(audio)
    whole = len(audio.samples) // frame * frame
    frames = audio.samples[:whole].reshape(-1, frame)
    levels = np.sqrt(np.square(frames, dtype=np.float64).mean(axis=1))
    loud = float(np.percentile(levels, LOUD_PERCENTILE)) if len(levels) else 0.0
    flags: Flags = levels > QUIET_SHARE * loud
    return flags


def cuts(audio: Audio) -> list[int]:
    """Frames where a cut harms no word: both ends and the middle of every pause."""
    is_spoken = spoken_frames(audio)
    edges = np.flatnonzero(np.diff(np.concatenate([[True], is_spoken, [True]])))
    pauses = [(int(begin), int(end)) for begin, end in edges.reshape(-1, 2)]
    shortest = SHORTEST_PAUSE_S / FRAME_S
    middles = [(begin + end) // 2 for begin, end in pauses if end - begin >= shortest]
    return sorted({0, *middles, len(is_spoken)})


def _frame_samples(audio: Audio) -> int:
    return max(1, round(FRAME_S * audio.sample_rate_hz))
