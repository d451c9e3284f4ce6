"""Making a recording and its words fit for a prompt: 3 s of speech to what a bundle can use.

Silence before and after the speech can go. What is still too long is cut to an excerpt if the
words of one are known for sure; else it is refused, with a place where its owner could cut it.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from engine.errors import ReferenceAudioError
from engine.types import Audio
from engine.voices.excerpt import find_excerpt, split_clauses
from engine.voices.trimming import FRAME_S, best_window, spoken_frames, without_edge_silence

MIN_S = 3.0
USUAL_LONGEST_S = 10.0
SILENT_PEAK = 0.01
FASTEST_PHONEMES_PER_S = 40.0  # nobody speaks half as fast
SLOWEST_PHONEMES_PER_S = 1.5  # nor half as slowly, pauses left out


def fit_transcribed(
    reference: Audio,
    transcript: str,
    count_phonemes: Callable[[str], int],
    longest_s: float = USUAL_LONGEST_S,
) -> tuple[Audio, str]:
    """Return a part of the recording that fits, and the words of just that part.

    Args:
        reference: what was recorded, of any length.
        transcript: all the words of it.
        count_phonemes: tells how many phonemes a text has.
        longest_s: the most that the bundle can use.

    Raises:
        ReferenceAudioError: it is too short or silent, shorter or longer than its words can be, or
            too long and cannot be cut with its words; the message says what to do.
    """
    speech = without_edge_silence(reference)
    if is_silent(reference) or min(speech.duration_s, reference.duration_s) <= longest_s:
        fitting = fit_reference(reference, longest_s)
        _check_pace(fitting, count_phonemes(transcript))
        return fitting, transcript
    clauses = split_clauses(transcript)
    excerpt = find_excerpt(speech, clauses, list(map(count_phonemes, clauses)), MIN_S, longest_s)
    if excerpt is None:
        raise _misfit(
            reference, longest_s, "its pauses could not be matched to its transcript for sure: "
        )
    begin, end = (round(at_s * speech.sample_rate_hz) for at_s in (excerpt.begin_s, excerpt.end_s))
    return Audio(speech.samples[begin:end], speech.sample_rate_hz), excerpt.text


def fit_reference(reference: Audio, longest_s: float = USUAL_LONGEST_S) -> Audio:
    """Return the recording, if it is too long without the silence before and after the speech.

    Raises:
        ReferenceAudioError: it is too short, too long or silent; the message says what to do.
    """
    if is_silent(reference):
        raise ReferenceAudioError(
            "the reference is silent: record a clear sentence close to the microphone"
        )
    fitting = without_edge_silence(reference) if reference.duration_s > longest_s else reference
    if not MIN_S <= fitting.duration_s <= longest_s:
        raise _misfit(reference, longest_s)
    return fitting


def _check_pace(reference: Audio, phonemes: int) -> None:
    if phonemes > FASTEST_PHONEMES_PER_S * reference.duration_s:
        raise ReferenceAudioError(
            f"the transcript has {phonemes} phonemes, more than anybody says in "
            f"{reference.duration_s:.1f} s: give the words of just this recording"
        )
    spoken_s = float(spoken_frames(reference).sum()) * FRAME_S
    if phonemes < SLOWEST_PHONEMES_PER_S * spoken_s:
        raise ReferenceAudioError(
            f"the transcript has {phonemes} phonemes, but the reference speaks for "
            f"{spoken_s:.1f} s: give all the words of the recording"
        )


def is_silent(recording: Audio) -> bool:
    """Whether nothing in a recording is as loud as speech."""
    return not len(recording.samples) or float(np.abs(recording.samples).max()) < SILENT_PEAK


def _misfit(reference: Audio, longest_s: float, why: str = "") -> ReferenceAudioError:
    return ReferenceAudioError(
        f"the reference lasts {reference.duration_s:.1f} s; it must last {MIN_S:.0f} to "
        f"{longest_s:g} s: {why}{_advice(reference, longest_s)}"
    )


def _advice(reference: Audio, longest_s: float) -> str:
    if reference.duration_s <= longest_s:
        return "record a longer sentence"
    advice = "cut it to one or two sentences and give the words of just these"
    window = best_window(reference, MIN_S, longest_s)
    if window is None:
        return advice
    return f"{advice} (it pauses at {window[0]:.1f} s and {window[1]:.1f} s, for instance)"
