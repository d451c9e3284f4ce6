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
    per-character features have none. `words` are its words and marks in order, each with the
    number of its phonemes; empty where the front end does not know them.
    """

    language: str
    normalized_text: str
    phonemes: tuple[str, ...]
    word2ph: tuple[int, ...] | None = None
    words: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Phonemes:
    """One sentence ready for the models: `phoneme_ids` [N] and the segments they came from.

    `left_out` are its words that nobody reads, with spaces between them.
    """

    phoneme_ids: tuple[int, ...]
    segments: tuple[PhonemeSegment, ...]
    left_out: str = ""

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
        reference_mel: float32 [mels, T], natural log, for bundles that go by mels (v3, v4).
    """

    language: str
    semantic_tokens: torch.Tensor
    phoneme_ids: torch.Tensor
    bert_features: torch.Tensor | None
    reference_spectrograms: tuple[torch.Tensor, ...]
    speaker_embeddings: tuple[torch.Tensor, ...] = ()
    reference_mel: torch.Tensor | None = None


@dataclass(frozen=True, slots=True)
class SynthesisOptions:
    """How to speak. Validated here, once; None takes the bundle's own default.

    `seed` None draws a fresh one; `speed` 2.0 is twice as fast; `noise_scale` scales the
    acoustic decoder's randomness; `sentence_gap_s` is the silence between sentences;
    `sample_steps`, which only bundles of v3 and v4 go by, is how carefully mels are made: fewer
    are faster; `carried_s` is how much of what was just spoken a sentence of a text in several
    requests goes on from.
    """

    seed: int | None = None
    speed: float = 1.0
    temperature: float | None = None
    top_k: int | None = None
    top_p: float | None = None
    repetition_penalty: float | None = None
    noise_scale: float | None = None
    sentence_gap_s: float | None = None
    sample_steps: int | None = None
    split_policy: SplitPolicy = SplitPolicy.PUNCTUATION
    carried_s: float | None = None

    def __post_init__(self) -> None:
        _check_range("speed", self.speed, 0.25, 4.0)
        _check_range("temperature", self.temperature, 0.01, 2.0)
        _check_range("top_k", self.top_k, 1, 2048)
        _check_range("top_p", self.top_p, 0.01, 1.0)
        _check_range("repetition_penalty", self.repetition_penalty, 1.0, 2.0)
        _check_range("noise_scale", self.noise_scale, 0.0, 1.0)
        _check_range("sentence_gap_s", self.sentence_gap_s, 0.0, 5.0)
        _check_range("sample_steps", self.sample_steps, 1, 128)
        _check_range("seed", self.seed, 0, 2**63 - 1)
        _check_range("carried_s", self.carried_s, 0.0, 10.0)


@dataclass(frozen=True, slots=True)
class Pronunciation:
    """How a word is read: as an `alias`, or as `phonemes` of `language`, empty for the text's.

    Phonemes have spaces between them: one pinyin (`zh`) or jyutping (`yue`) syllable for each
    character, ARPAbet with stress (`en`), kana (`ja`).
    """

    word: str
    language: str = ""
    alias: str = ""
    phonemes: str = ""


class TimestampDetail(StrEnum):
    """How finely to tell when text is heard: CHARACTER is of CJK text, other text is by WORD."""

    NONE = "none"
    WORD = "word"
    CHARACTER = "character"


@dataclass(frozen=True, slots=True)
class TimedText:
    """A part `[text_start, text_end)` of the caller's text, heard from `start_s` to `end_s`."""

    text: str
    text_start: int
    text_end: int
    start_s: float
    end_s: float


@dataclass(frozen=True, slots=True)
class SentenceTiming:
    """When a sentence is heard, counted from the beginning of the request's sound.

    `sentence.text` is what was read, without markup; its span and those of the `units` are in
    the caller's text.
    """

    sentence: TimedText
    units: tuple[TimedText, ...]


@dataclass(frozen=True, slots=True, eq=False)
class SpokenTail:
    """The last words that were spoken, as a prompt for the next ones.

    `semantic_tokens` int64 [T] of just the phonemes `phoneme_ids` [N] with their `bert_features`
    [D, N], None where the bundle reads none.
    """

    semantic_tokens: torch.Tensor
    phoneme_ids: torch.Tensor
    bert_features: torch.Tensor | None


@dataclass(frozen=True, slots=True, eq=False)
class SpokenEnd:
    """How a request ended that another one follows.

    `tail` is None where the next one goes on from the voice alone; `until_s` is when a listener
    will have heard all of it, by the scheduler's clock.
    """

    tail: SpokenTail | None
    until_s: float


@dataclass(frozen=True, slots=True)
class SynthesisRequest:
    """Text, the language it is in, the voice to say it, and how.

    `timestamps` asks for a `SentenceTiming` with each sentence; `goes_on` says that more text
    follows in another request, so that the last sentence is closed with a gap as well; that one is
    told `after` what it comes. A `background` request has nobody listening while it is made: it
    gives way to those that do.
    """

    text: str
    language: str
    voice: VoicePrompt
    options: SynthesisOptions = field(default_factory=SynthesisOptions)
    timestamps: TimestampDetail = TimestampDetail.NONE
    goes_on: bool = False
    pronunciations: tuple[Pronunciation, ...] = ()
    background: bool = False
    after: SpokenEnd | None = None


class Flaw(StrEnum):
    """What a check found wrong with a spoken sentence."""

    EMPTY = "empty"
    TOO_SHORT = "too_short"
    TOO_LONG = "too_long"
    NO_END = "no_end"
    LOOP = "loop"
    SILENT = "silent"
    CLIPPED = "clipped"
    REJECTED = "rejected"
    LEFT_OUT = "left_out"


@dataclass(frozen=True, slots=True)
class SpeechChecks:
    """When a sentence is spoken again, and how often at most.

    Attributes:
        retries: further attempts at a sentence, each with another seed.
        min_tokens_per_phoneme: fewer semantic tokens than this, and words were swallowed.
        max_tokens_per_phoneme, spare_tokens: more than `max * phonemes + spare`, and it ran away.
        loop_tokens: as many tokens that only repeat a pattern are a loop, unless the text does so.
        silent_rms: a sentence below this level is silent.
        clipped_share: of samples at full scale; more is clipping.
    """

    retries: int = 2
    min_tokens_per_phoneme: float = 0.8
    max_tokens_per_phoneme: float = 8.0
    spare_tokens: int = 40
    loop_tokens: int = 40
    silent_rms: float = 1e-3
    clipped_share: float = 0.02


@dataclass(frozen=True, slots=True)
class Finding:
    """A sentence that was not right at once: its index from 0, and what was done about it.

    `flaw` is the newest one; `attempts` counts all of them; `resolved` says whether the last one
    passed the checks. `left_out` are words that no language of the bundle reads.
    """

    sentence: int
    flaw: Flaw
    attempts: int
    resolved: bool
    left_out: str = ""

    def __str__(self) -> str:
        """`2:loop:3:kept`: the sentence, what was wrong, the attempts, and how it ended."""
        end = "resolved" if self.resolved else "kept"
        return f"{self.sentence}:{self.flaw}:{self.attempts}:{end}"


@dataclass(frozen=True, slots=True)
class AudioChunk:
    """A piece of speech: mono float32 `samples` [T] that begin at `start_sample` of the stream.

    `sentence` counts the pieces of text from 0; chunks of a stream join without a gap. The last
    chunk of a sentence carries its `timing`, if the request asks for timestamps.
    """

    samples: Samples
    sample_rate_hz: int
    start_sample: int
    sentence: int
    timing: SentenceTiming | None = None


def _check_range(name: str, value: float | None, low: float, high: float) -> None:
    if value is not None and not low <= value <= high:
        raise InvalidOptionError(name, value, f"{low} to {high}")
