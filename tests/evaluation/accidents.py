"""Speech that went wrong whatever its words: silent, cut short, or running on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engine.errors import EngineError
from engine.types import Audio

SHORTEST_PHONEME_S = 0.035
LONGEST_PHONEME_S = 0.22
LEAD_S = 0.35  # pauses before and after the words
SILENT_RMS = 0.01
CLIPPED_SHARE = 0.01
LONGEST_PAUSE_S = 1.0
_FRAME_S = 0.02


@dataclass(frozen=True, slots=True)
class Accident:
    """A text that was not spoken properly, and why."""

    text: str
    reason: str


def find_accident(text: str, phonemes: int, speech: Audio | EngineError) -> Accident | None:
    """Return what is wrong with the speech of `text`, which has so many phonemes, if anything."""
    if isinstance(speech, EngineError):
        return Accident(text, f"{type(speech).__name__}: {speech}")
    reason = _reason(phonemes, speech)
    return Accident(text, reason) if reason else None


def _reason(phonemes: int, speech: Audio) -> str | None:
    shortest = SHORTEST_PHONEME_S * phonemes
    longest = LONGEST_PHONEME_S * phonemes + 2 * LEAD_S
    if not np.isfinite(speech.samples).all():
        return "not a number"
    if not shortest <= speech.duration_s <= longest:
        return f"{speech.duration_s:.2f} s for {phonemes} phonemes"
    rms = float(np.sqrt(np.mean(np.square(speech.samples))))
    if rms < SILENT_RMS:
        return f"silent: RMS {rms:.4f}"
    clipped = float(np.mean(np.abs(speech.samples) > 0.999))
    if clipped > CLIPPED_SHARE:
        return f"{clipped:.1%} of the samples are clipped"
    pause_s = _longest_pause_s(speech)
    return f"a pause of {pause_s:.1f} s" if pause_s > LONGEST_PAUSE_S else None


def _longest_pause_s(speech: Audio) -> float:
    size = round(_FRAME_S * speech.sample_rate_hz)
    frames = speech.samples[: len(speech.samples) // size * size].reshape(-1, size)
    levels = np.sqrt(np.mean(np.square(frames), axis=1))
    quiet = levels < 0.05 * levels.max()
    longest = run = 0
    for is_quiet in quiet:
        run = run + 1 if is_quiet else 0
        longest = max(longest, run)
    return longest * _FRAME_S
