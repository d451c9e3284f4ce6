"""Cheap checks of a spoken sentence, made without a recogniser.

Tokens are judged as they come: a loop or a sentence that runs away is known before more of it is
heard. Length, level and clipping are judged at a sentence's end.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Protocol

import numpy as np

from engine.errors import SynthesisError
from engine.types import Audio, Flaw, Samples, SpeechChecks

LONGEST_PERIOD = 25  # tokens, one second
FEWEST_ROUNDS = 3
FULL_SCALE = 0.999
HURRIED, SLOW_PACE = 0.45, 2.6  # share of the voice's pace; tokens per phoneme, pauses left out
LONGEST_DRAWN_OUT = 25  # tokens, one second

# What leaves no usable sentence, in words; with any other flaw the last attempt is kept.
FATAL = MappingProxyType(
    {
        Flaw.EMPTY: "had no sound at all",
        Flaw.TOO_LONG: "did not end",
        Flaw.NO_END: "did not end",
        Flaw.LOOP: "repeated itself",
        Flaw.SILENT: "came out silent",
    }
)


@dataclass(frozen=True, slots=True)
class SpokenSentence:
    """A whole sentence before it leaves; `text` is normalized, `language` the request's."""

    text: str
    language: str
    audio: Audio


class Verifier(Protocol):
    """Judges whole sentences, by a recogniser for instance; none is part of the engine.

    With one, no sentence is heard before it is finished and accepted.
    """

    def accepts(self, sentence: SpokenSentence) -> bool:
        """Whether the audio says the text. Called in the thread that drives the scheduler."""
        ...


class LoopDetector:
    """Notices that the newest tokens only repeat a pattern of up to one second.

    Args:
        longest_tokens: how long repetition may last before it is a loop.
    """

    def __init__(self, longest_tokens: int) -> None:
        self._longest = longest_tokens
        self._runs = [0] * (LONGEST_PERIOD + 1)  # tokens that equal the one a period before

    def feed(self, tokens: Sequence[int]) -> bool:
        """Take in the newest of `tokens` and return whether they end in a loop."""
        newest, count = tokens[-1], len(tokens)
        for period in range(1, min(LONGEST_PERIOD, count - 1) + 1):
            same = tokens[-1 - period] == newest
            self._runs[period] = self._runs[period] + 1 if same else 0
        return self.repeated > self._longest

    @property
    def repeated(self) -> int:
        """How many of the newest tokens are at least three rounds of one pattern."""
        rounds = FEWEST_ROUNDS - 1
        runs = enumerate(self._runs[1:], start=1)
        return max((period + run for period, run in runs if run >= rounds * period), default=0)


class TokenChecks:
    """Judges the semantic tokens of one sentence.

    Args:
        thresholds: the bundle's.
        phoneme_ids: of the sentence.
        max_tokens: how many the model may make at all.
        pace: tokens per phoneme of the voice's reference; nobody suddenly speaks twice as fast.
    """

    def __init__(
        self,
        thresholds: SpeechChecks,
        phoneme_ids: Sequence[int],
        max_tokens: int,
        pace: float = 0.0,
    ) -> None:
        per_phoneme = thresholds.max_tokens_per_phoneme
        hurried = HURRIED * min(pace, SLOW_PACE)
        fewest_per_phoneme = max(thresholds.min_tokens_per_phoneme, hurried)
        self._fewest = fewest_per_phoneme * len(phoneme_ids)
        self._most = round(per_phoneme * len(phoneme_ids)) + thresholds.spare_tokens
        self._max_tokens = max_tokens
        in_text = round(per_phoneme * longest_repetition(phoneme_ids))
        self._longest_loop = max(thresholds.loop_tokens, in_text)
        self._loops = LoopDetector(self._longest_loop)

    @property
    def limit(self) -> int:
        """How many tokens the sentence may have."""
        return min(self._most, self._max_tokens)

    @property
    def least(self) -> int:
        """How many tokens another attempt must have before it may end, of a short sentence.

        The shortest texts are ended early most often, and again when they are tried again.
        """
        return min(math.ceil(self._fewest), LONGEST_DRAWN_OUT)

    def restart(self, tokens: Sequence[int]) -> None:
        """Go on behind `tokens`, which are not judged again."""
        self._loops = LoopDetector(self._longest_loop)
        for end in range(1, len(tokens) + 1):
            self._loops.feed(tokens[:end])

    def newest(self, tokens: Sequence[int]) -> Flaw | None:
        """What the newest of `tokens` shows to be wrong; to be asked once for every token."""
        if len(tokens) > self._most:
            return Flaw.TOO_LONG
        if len(tokens) > self._max_tokens:
            return Flaw.NO_END
        return Flaw.LOOP if self._loops.feed(tokens) else None

    def whole(self, tokens: Sequence[int]) -> Flaw | None:
        """What is wrong with a sentence that ended by itself."""
        if not tokens:
            return Flaw.EMPTY
        return Flaw.TOO_SHORT if len(tokens) < self._fewest else None


def longest_repetition(phoneme_ids: Sequence[int]) -> int:
    """How many phonemes in a row are at least three rounds of one pattern."""
    detector, longest = LoopDetector(len(phoneme_ids)), 0
    for end in range(1, len(phoneme_ids) + 1):
        detector.feed(phoneme_ids[:end])
        longest = max(longest, detector.repeated)
    return longest


@dataclass(slots=True)
class SoundLevel:
    """Loudness of a sentence, gathered piece by piece."""

    samples: int = 0
    energy: float = 0.0
    clipped: int = 0

    def add(self, piece: Samples) -> None:
        """Take in the next piece.

        Raises:
            SynthesisError: it holds samples that are no numbers, which would be heard as silence.
        """
        energy = float(np.square(piece, dtype=np.float64).sum())
        if not math.isfinite(energy):
            raise SynthesisError("the acoustic decoder gave samples that are no numbers")
        self.samples += len(piece)
        self.energy += energy
        self.clipped += int((np.abs(piece) >= FULL_SCALE).sum())

    def flaw(self, thresholds: SpeechChecks) -> Flaw | None:
        """What is wrong with the whole of it."""
        if self.energy < thresholds.silent_rms**2 * self.samples or not self.samples:
            return Flaw.SILENT
        return Flaw.CLIPPED if self.clipped > thresholds.clipped_share * self.samples else None
