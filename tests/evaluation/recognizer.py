"""An independent ear: PocketSphinx with its own English model."""

from __future__ import annotations

import re
from collections.abc import Sequence

import jiwer
import numpy as np
import soxr
from pocketsphinx import Decoder

from engine.types import Audio, Samples

RATE_HZ = 16_000
_PADDING_S = 0.25
_PEAK = 0.5


class Recognizer:
    """Writes down what it hears; the level and rate of the sound do not matter."""

    def __init__(self, **options: object) -> None:
        self._decoder = Decoder(samprate=RATE_HZ, loglevel="FATAL", **options)

    def transcribe(self, audio: Audio) -> str:
        """Return the words of `audio` in lower case; empty when none were heard."""
        self._decoder.start_utt()
        self._decoder.process_raw(_to_pcm(audio), full_utt=True)
        self._decoder.end_utt()
        hypothesis = self._decoder.hyp()
        return plain_words(hypothesis.hypstr) if hypothesis else ""


def word_error_rate(spoken: Sequence[str], heard: Sequence[str]) -> float:
    """Return errors per word over all pairs, punctuation and case aside."""
    return float(jiwer.wer([plain_words(text) for text in spoken], list(heard)))


def plain_words(text: str) -> str:
    """Return `text` in lower case with nothing but letters, apostrophes and single spaces."""
    return " ".join(re.findall(r"[a-z']+", text.lower()))


def _to_pcm(audio: Audio) -> bytes:
    samples: Samples = soxr.resample(audio.samples, audio.sample_rate_hz, RATE_HZ)
    samples = np.pad(samples, round(_PADDING_S * RATE_HZ))
    scale = _PEAK / max(float(np.abs(samples).max()), 1e-6)
    return (samples * scale * 32767).astype(np.int16).tobytes()
