"""When the words of a request are heard.

A `Timekeeper` belongs to one request and makes a `SentenceClock` for each sentence. The clock
hears the sentence's sound and, when all of it is there, gives its words their times.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from engine.models.text_to_semantic import TextToSemantic
from engine.pipeline.alignment import AlignedDecoder, SpokenTokens, phoneme_boundaries
from engine.text.locating import LocatedToken, Locator
from engine.text.symbols import SILENT
from engine.text.units import TextUnit, text_units, whole_words
from engine.types import Phonemes, Samples, SentenceTiming, TimedText, TimestampDetail

BLOCK_S = 0.01
QUIET = 10 ** (-35 / 20)  # below this share of the loudest block the sentence has not begun


class Timekeeper:
    """Times the sentences of one text, in their order.

    Args:
        text: the caller's.
        detail: WORD or CHARACTER.
        model, decoder: the networks that speak.
        sample_rate_hz: of their sound.
    """

    def __init__(
        self,
        text: str,
        detail: TimestampDetail,
        model: TextToSemantic,
        decoder: AlignedDecoder,
        sample_rate_hz: int,
    ) -> None:
        self.text, self.detail = text, detail
        self.model, self.decoder, self.sample_rate_hz = model, decoder, sample_rate_hz
        self._locator = Locator(text)

    def begin(self, sentence: str, phonemes: Phonemes) -> SentenceClock:
        """The clock of the next `sentence`, as it is written, which is read as `phonemes`."""
        return SentenceClock(self, sentence, phonemes, self._locator.locate(sentence))


class SentenceClock:
    """Times one sentence."""

    def __init__(
        self,
        keeper: Timekeeper,
        sentence: str,
        phonemes: Phonemes,
        tokens: Sequence[LocatedToken],
    ) -> None:
        self._keeper, self._sentence = keeper, sentence.strip()
        units = text_units(phonemes, tokens)
        by_word = keeper.detail is TimestampDetail.WORD
        self._units = whole_words(units) if by_word else units
        self._first, self._last = _words_between(phonemes)
        self._levels: list[NDArray[np.float32]] = []
        self._rest: Samples = np.zeros(0, np.float32)
        self._samples, self._start_sample = 0, 0

    def hear(self, samples: Samples, start_sample: int | None = None) -> None:
        """Take in the next piece of the sentence's sound, [T].

        A `start_sample` says where in the request's sound the sentence begins, or begins again:
        what was heard of it before is forgotten.
        """
        if start_sample is not None:
            self._levels, self._rest, self._samples = [], self._rest[:0], 0
            self._start_sample = start_sample
        self._samples += len(samples)
        block = round(BLOCK_S * self._keeper.sample_rate_hz)
        heard = np.concatenate([self._rest, samples])
        whole = len(heard) // block * block
        self._rest = heard[whole:].copy()
        self._levels.append(np.sqrt(np.square(heard[:whole].reshape(-1, block)).mean(axis=1)))

    def timing(self, spoken: SpokenTokens) -> SentenceTiming:
        """The times of the sentence, all of whose sound was heard."""
        keeper = self._keeper
        shares = phoneme_boundaries(keeper.model, keeper.decoder, spoken)
        start_s = self._start_sample / keeper.sample_rate_hz
        length_s = self._samples / keeper.sample_rate_hz
        times_s = start_s + np.clip(shares * length_s, *self._audible_s(length_s))
        units = tuple(_timed(keeper.text, unit, times_s) for unit in self._units)
        begin_s, end_s = float(times_s[self._first]), float(times_s[self._last])
        return SentenceTiming(self._whole(units, begin_s, end_s), units)

    def _audible_s(self, length_s: float) -> tuple[float, float]:
        """From when to when the sentence is not silent."""
        levels = np.concatenate([*self._levels, np.zeros(0, np.float32)])
        loud = np.flatnonzero(levels > QUIET * levels.max(initial=0.0))
        if not len(loud):
            return 0.0, length_s
        return float(loud[0] * BLOCK_S), float((loud[-1] + 1) * BLOCK_S)

    def _whole(self, units: Sequence[TimedText], begin_s: float, end_s: float) -> TimedText:
        if not units:  # nothing of it stands in the caller's text
            return TimedText(self._sentence, 0, 0, begin_s, end_s)
        span = units[0].text_start, units[-1].text_end
        return TimedText(self._sentence, *span, begin_s, end_s)


def _words_between(phonemes: Phonemes) -> tuple[int, int]:
    """Where the first word begins and the last one ends, as positions between phonemes."""
    sounds = [sound for segment in phonemes.segments for sound in segment.phonemes]
    words = [position for position, sound in enumerate(sounds) if sound not in SILENT]
    return words[0], words[-1] + 1


def _timed(text: str, unit: TextUnit, times_s: NDArray[np.float64]) -> TimedText:
    start_s, end_s = np.interp([unit.first, unit.last], np.arange(len(times_s)), times_s)
    written = text[unit.text_start : unit.text_end]
    return TimedText(written, unit.text_start, unit.text_end, float(start_s), float(end_s))
