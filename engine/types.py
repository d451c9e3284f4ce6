"""The frozen values that travel between the engine's parts."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from engine.errors import InvalidOptionError

if TYPE_CHECKING:
    import torch

Samples = NDArray[np.float32]


class SplitPolicy(StrEnum):
    """How a text is cut into pieces that are synthesized one by one."""

    NONE = "cut0"
    FOUR_CLAUSES = "cut1"
    FIFTY_CHARACTERS = "cut2"
    CHINESE_STOP = "cut3"
    ENGLISH_STOP = "cut4"
    PUNCTUATION = "cut5"


@dataclass(frozen=True, slots=True)
class Audio:
    """Mono sound: float32 `samples` [T], nominally in [-1, 1], at `sample_rate_hz`."""

    samples: Samples
    sample_rate_hz: int

    def __post_init__(self) -> None:
        if self.samples.ndim != 1:
            raise ValueError(f"Audio is mono [T], not of shape {self.samples.shape}")
        if self.sample_rate_hz <= 0:
            raise ValueError(f"a sample rate is positive, not {self.sample_rate_hz}")

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return len(self.samples) / self.sample_rate_hz


@dataclass(frozen=True, slots=True)
class TextSegment:
    """A run of text in one language (a code such as `en` or `zh`)."""

    text: str
    language: str


@dataclass(frozen=True, slots=True)
class PhonemeSegment:
    """The phonemes of one `TextSegment`, as its language's front end gives them.

    `word2ph` counts the phonemes of each character of `normalized_text`; languages without
    per-character features have none.
    """

    language: str
    normalized_text: str
    phonemes: tuple[str, ...]
    word2ph: tuple[int, ...] | None = None


@dataclass(frozen=True, slots=True)
class Phonemes:
    """One sentence ready for the models: `phoneme_ids` [N] and the segments they came from."""

    phoneme_ids: tuple[int, ...]
    segments: tuple[PhonemeSegment, ...]

    @property
    def normalized_text(self) -> str:
        """The text as it is read, over all segments."""
        return "".join(segment.normalized_text for segment in self.segments)


@dataclass(frozen=True, eq=False)
class VoicePrompt:
    """All that a bundle needs to speak in one voice, computed once from a reference.

    Attributes:
        semantic_tokens: int64 [P], the reference at 25 Hz.
        phoneme_ids: int64 [N], of the reference's transcript.
        bert_features: float32 [1024, N], or None where the bundle reads none.
        reference_spectrograms: each float32 [bins, T], magnitude, for the style encoder.
        speaker_embeddings: each float32 [20480], for bundles that use one (v2Pro); else empty.
    """

    language: str
    semantic_tokens: torch.Tensor
    phoneme_ids: torch.Tensor
    bert_features: torch.Tensor | None
    reference_spectrograms: tuple[torch.Tensor, ...]
    speaker_embeddings: tuple[torch.Tensor, ...] = ()


@dataclass(frozen=True, slots=True)
class SynthesisOptions:
    """How to speak. Validated here, once; None takes the bundle's own default.

    `seed` None draws a fresh one; `speed` 2.0 is twice as fast; `noise_scale` scales the
    acoustic decoder's randomness; `sentence_gap_s` is the silence between sentences.
    """

    seed: int | None = None
    speed: float = 1.0
    temperature: float | None = None
    top_k: int | None = None
    top_p: float | None = None
    repetition_penalty: float | None = None
    noise_scale: float | None = None
    sentence_gap_s: float | None = None
    split_policy: SplitPolicy = SplitPolicy.PUNCTUATION

    def __post_init__(self) -> None:
        _check_range("speed", self.speed, 0.25, 4.0)
        _check_range("temperature", self.temperature, 0.01, 2.0)
        _check_range("top_k", self.top_k, 1, 2048)
        _check_range("top_p", self.top_p, 0.01, 1.0)
        _check_range("repetition_penalty", self.repetition_penalty, 1.0, 2.0)
        _check_range("noise_scale", self.noise_scale, 0.0, 1.0)
        _check_range("sentence_gap_s", self.sentence_gap_s, 0.0, 5.0)
        _check_range("seed", self.seed, 0, 2**63 - 1)


@dataclass(frozen=True, slots=True)
class SynthesisRequest:
    """Text, the language it is in, the voice to say it, and how."""

    text: str
    language: str
    voice: VoicePrompt
    options: SynthesisOptions = field(default_factory=SynthesisOptions)


@dataclass(frozen=True, slots=True)
class AudioChunk:
    """A piece of speech: mono float32 `samples` [T] that begin at `start_sample` of the stream.

    `sentence` counts the pieces of text from 0; chunks of a stream join without a gap.
    """

    samples: Samples
    sample_rate_hz: int
    start_sample: int
    sentence: int


def _check_range(name: str, value: float | None, low: float, high: float) -> None:
    if value is not None and not low <= value <= high:
        raise InvalidOptionError(name, value, f"{low} to {high}")
