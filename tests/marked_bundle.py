"""The tiny bundle with an acoustic half that writes down what it was given instead of a sound.

Every token becomes a group of samples: which voice it was said in, which sentence it is of, and
the token itself. So a stream's sound tells whether anything in it is another stream's.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import torch
from torch import Tensor

from engine.pipeline.acoustic import Manner, OpenStream, Piece
from engine.pipeline.bundle import Bundle
from engine.types import Samples, VoicePrompt
from tests.tiny_bundle import CODES, SYMBOLS, tiny_bundle, tiny_prompt

SAMPLES_A_TOKEN = 3
LARGEST_MARK = 2**20  # what a float tells apart, below full scale
SCALE = 0.9 / LARGEST_MARK


@dataclass(frozen=True, slots=True)
class Marks:
    """What a sound says of itself: the voices and texts in it, and its tokens in order."""

    voices: frozenset[int]
    texts: frozenset[int]
    tokens: tuple[int, ...]


def read_marks(samples: Samples) -> Marks:
    """Read a stream's sound; silence between sentences is passed over."""
    groups = np.rint(samples / SCALE).astype(np.int64).reshape(-1, SAMPLES_A_TOKEN)
    spoken = groups[groups[:, 0] > 0]
    voices, texts, tokens = (tuple(map(int, column)) for column in spoken.T)
    return Marks(frozenset(voices), frozenset(texts), tuple(token - 1 for token in tokens))


def text_mark(phoneme_ids: Tensor) -> int:
    """The mark of a sentence."""
    return 1 + zlib.crc32(phoneme_ids.numpy().tobytes()) % (LARGEST_MARK - 1)


def marked_voice(number: int) -> VoicePrompt:
    """A voice of its own, marked by `number`, from 0."""
    generator = torch.Generator().manual_seed(number)
    return replace(
        tiny_prompt(),
        semantic_tokens=torch.randint(CODES, (5 + number % 30,), generator=generator),
        phoneme_ids=torch.randint(SYMBOLS, (5 + number % 7,), generator=generator),
        reference_spectrograms=(torch.full((1, 1), float(number + 1)),),
    )


class MarkedAcoustics:
    """Opens streams that write marks."""

    together = 4

    def in_voice(self, voice: VoicePrompt, manner: Manner) -> OpenStream:
        """See `AcousticDecoder`."""
        return partial(MarkedStream, int(voice.reference_spectrograms[0]))

    def decode(self, pieces: Sequence[Piece]) -> list[Samples]:
        """See `AcousticDecoder`."""
        return [each.stream.decode(each.semantic_tokens, last=each.last) for each in pieces]


class MarkedStream:
    """One sentence."""

    incremental = True
    first_piece_tokens = 14

    def __init__(self, voice: int, phoneme_ids: Tensor, generator: torch.Generator) -> None:
        self._voice, self._text = voice, text_mark(phoneme_ids)
        self._written = 0

    def decode(self, semantic_tokens: Tensor, *, last: bool) -> Samples:
        """The marks of the tokens that are new."""
        fresh = semantic_tokens[self._written :].tolist()
        self._written = len(semantic_tokens)
        marks = [(self._voice, self._text, token + 1) for token in fresh]
        return (np.array(marks, np.float32).reshape(-1) * np.float32(SCALE)).astype(np.float32)


def marked_bundle() -> Bundle:
    """The bundle; the silence between its sentences is a whole number of groups."""
    bundle = tiny_bundle()
    gap_s = 30 * SAMPLES_A_TOKEN / bundle.sample_rate_hz
    checks = replace(bundle.config.defaults.checks, silent_rms=0.0)
    defaults = replace(bundle.config.defaults, sentence_gap_s=gap_s, checks=checks)
    config = replace(bundle.config, defaults=defaults)
    return replace(bundle, config=config, acoustics=MarkedAcoustics())
