"""PocketSphinx as a verifier of English: `pip install pocketsphinx==5.1.1`.

It hears perfect speech with errors, so it rejects only sentences of which it heard hardly a word.
"""

from __future__ import annotations

import re
from difflib import SequenceMatcher
from typing import TYPE_CHECKING

import numpy as np
import soxr
from pocketsphinx import Decoder

if TYPE_CHECKING:
    from engine.pipeline.checks import SpokenSentence
    from engine.types import Audio

RATE_HZ = 16_000
PADDING_S = 0.25
PEAK = 0.5
FEWEST_WORDS = 4  # of fewer, one that is misheard weighs too much
LEAST_HEARD = 0.35


class SphinxVerifier:
    """Accepts what is not English, what is short, and what it hears enough words of."""

    def __init__(self) -> None:
        self._decoder = Decoder(samprate=RATE_HZ, loglevel="FATAL")

    def accepts(self, sentence: SpokenSentence) -> bool:
        """Whether enough words of the text are heard in their order."""
        wanted = _words(sentence.text)
        if sentence.language != "en" or len(wanted) < FEWEST_WORDS:
            return True
        matcher = SequenceMatcher(None, wanted, self._heard(sentence.audio), autojunk=False)
        matched = sum(block.size for block in matcher.get_matching_blocks())
        return matched >= LEAST_HEARD * len(wanted)

    def _heard(self, audio: Audio) -> list[str]:
        self._decoder.start_utt()
        self._decoder.process_raw(_pcm(audio), full_utt=True)
        self._decoder.end_utt()
        hypothesis = self._decoder.hyp()
        return _words(hypothesis.hypstr) if hypothesis else []


def english() -> SphinxVerifier:
    """Return a verifier with the English model that the package carries."""
    return SphinxVerifier()


def _words(text: str) -> list[str]:
    return re.findall(r"[a-z']+", text.lower())


def _pcm(audio: Audio) -> bytes:
    samples = soxr.resample(audio.samples, audio.sample_rate_hz, RATE_HZ)
    samples = np.pad(samples, round(PADDING_S * RATE_HZ))
    scale = PEAK / max(float(np.abs(samples).max()), 1e-6)
    return (samples * scale * 32767).astype(np.int16).tobytes()
