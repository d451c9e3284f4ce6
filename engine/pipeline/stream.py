"""One request on its way: the sentence it is at, its random numbers, its place in the audio."""

from __future__ import annotations

import logging
import secrets
from dataclasses import replace
from functools import partial

import numpy as np
import torch
from torch import Tensor

from engine.errors import SynthesisError
from engine.models.decoding_rows import Choosing
from engine.models.random_numbers import random_key
from engine.pipeline.acoustic import AcousticStream, OpenStream, Piece
from engine.pipeline.bundle import Bundle
from engine.pipeline.carrying import Carrier
from engine.pipeline.checks import FATAL, SpokenSentence, TokenChecks, Verifier
from engine.pipeline.manuscript import Manuscript
from engine.pipeline.options import livelier, manner_of, sampling_of
from engine.pipeline.pacing import Outlay
from engine.pipeline.sentence import Prefill, Sentence
from engine.pipeline.timing import SentenceClock, Timekeeper
from engine.text.symbols import ACCENT_MARKS
from engine.types import (
    Audio,
    AudioChunk,
    Finding,
    Flaw,
    Phonemes,
    Samples,
    SpokenEnd,
    SynthesisRequest,
    TimestampDetail,
    VoicePrompt,
)

logger = logging.getLogger(__name__)

SEED_STRIDE = 0x9E3779B97F4A7C15  # 2^64 over the golden ratio: far from every small seed
VARIATION_STRIDE = 0xC2B2AE3D27D4EB4F  # a large prime
FIRST_OUTLAY = Outlay(14, 14)  # of a sentence that has not begun, about


class Stream:
    """State of one request; its next sound is due at `due_s`.

    Raises InputError kinds when it is made.
    """

    def __init__(
        self,
        bundle: Bundle,
        request: SynthesisRequest,
        verifier: Verifier | None = None,
        due_s: float = 0.0,
    ) -> None:
        self.bundle, self.request, self.verifier = bundle, request, verifier
        options = request.options
        self.seed = secrets.randbits(62) if options.seed is None else options.seed
        self.sampling = sampling_of(options, bundle.defaults)
        self.manuscript = Manuscript(bundle, request)
        self.open_acoustic = bundle.acoustics.in_voice(
            request.voice, manner_of(options, bundle.defaults)
        )
        self.carrier = Carrier(bundle, request)
        self.timekeeper = _timekeeper(bundle, request)
        self.clock: SentenceClock | None = None
        self.sentence: Sentence | None = None
        self.position = 0
        self.paused = False
        self.due_s = due_s
        self._was_heard = False  # whether a piece came before the one that is decoded now
        self._findings: dict[int, Finding] = {}

    @property
    def findings(self) -> tuple[Finding, ...]:
        """The sentences so far that were not right at once, in order."""
        found = [*self.manuscript.left_out, *self._findings.values()]
        return tuple(sorted(found, key=lambda finding: finding.sentence))

    @property
    def end(self) -> SpokenEnd:
        """What a request that follows goes on from, as far as this one has come."""
        return SpokenEnd(self.carrier.tail, self.due_s)

    @property
    def exhausted(self) -> bool:
        """Whether no sentence is left."""
        return self.sentence is None and self.manuscript.at_end

    @property
    def waiting(self) -> bool:
        """Whether the model has to read something before it goes on."""
        return not self.exhausted if self.sentence is None else self.sentence.waiting

    def begin(self) -> Prefill | None:
        """What the model must read next: a new sentence, or one that is tried again.

        None if nothing that is left can be spoken, which ends the stream.

        Raises:
            InputError: the sentence cannot be read, or there is none that can be spoken.
        """
        if self.sentence is None:
            phonemes = self.manuscript.read_on()
            if phonemes is None:
                if not self.position:
                    raise self.manuscript.nothing_to_say()
                return None
            self.sentence = self._sentence_of(phonemes)
        return self.sentence.begin()

    @property
    def choosing(self) -> Choosing:
        """How the tokens that come now are chosen; another attempt has other random numbers."""
        sentence, sampling = self._speaking, self.sampling
        if sentence.attempt > 1:
            sampling = livelier(sampling)
        key = random_key(self.seed, self.manuscript.index, sentence.attempt)
        least = max(self.bundle.text_to_semantic.config.min_tokens, self._least)
        return Choosing(sampling, key, len(sentence.tokens), least)

    def accept(self, token: int) -> bool:
        """Take the next token and return whether the model shall go on.

        Raises:
            SynthesisError: the sentence failed more often than it may.
        """
        sentence = self._speaking
        is_end = token == self.bundle.text_to_semantic.config.end
        flaw = sentence.end() if is_end else sentence.add(token)
        if flaw is not None:
            self._try_again(flaw)
        return not is_end and flaw is None

    @property
    def piece_due(self) -> bool:
        """Whether a piece of the sentence can be decoded now."""
        return self.sentence is not None and self.sentence.piece_due

    @property
    def outlay(self) -> Outlay:
        """What must be done for the next sound."""
        return FIRST_OUTLAY if self.sentence is None else self.sentence.outlay

    def next_piece(self) -> Piece:
        """What is due, to be decoded for `speak`."""
        self._was_heard = self._speaking.spoken_tokens > 0
        return self._speaking.next_piece()

    def speak(self, samples: Samples) -> AudioChunk:
        """Say the `samples` of `next_piece`; at a sentence's end, close it with its gap.

        The chunk is empty when the sentence is to be tried again.

        Raises:
            SynthesisError: the sentence failed more often than it may.
        """
        sentence, index = self._speaking, self.manuscript.index
        heard = self._was_heard
        sentence.level.add(samples)
        timing = None
        lead = self._silence(0.0 if self.position else self.manuscript.lead_s)
        if self.clock is not None:
            self.clock.hear(samples, None if heard else self.position + len(lead))
        if sentence.finished:
            flaw = self._flaw_of_sound(sentence, samples)
            if flaw is not None and self._try_again(flaw, heard=heard):
                samples = samples[:0]
            else:
                if self.clock is not None:
                    timing = self.clock.timing(sentence.spoken)
                self._close(resolved=flaw is None)
                samples = np.concatenate([samples, self._silence(self.manuscript.gap_s)])
        if len(samples):
            samples = np.concatenate([lead, samples])
        start, self.position = self.position, self.position + len(samples)
        return AudioChunk(samples, self.bundle.sample_rate_hz, start, index, timing)

    def _sentence_of(self, phonemes: Phonemes) -> Sentence:
        bundle, voice, index = self.bundle, self.request.voice, self.manuscript.index
        if self.timekeeper is not None:
            self.clock = self.timekeeper.begin(self.manuscript.text, phonemes)
        ids = torch.tensor(phonemes.phoneme_ids)
        limit = bundle.text_to_semantic.config.max_tokens
        return Sentence(
            read=phonemes,
            prefill=self.carrier.prefill(ids, bundle.bert_features(phonemes)),
            checks=TokenChecks(bundle.defaults.checks, _timed(phonemes), limit, _pace(voice)),
            open_acoustic=partial(_opened, self.open_acoustic, ids, self.seed, index),
            in_pieces=self.verifier is None,
        )

    def _flaw_of_sound(self, sentence: Sentence, samples: Samples) -> Flaw | None:
        """What is wrong with a whole sentence, `samples` being its last piece."""
        flaw = sentence.level.flaw(self.bundle.defaults.checks)
        if flaw is not None or self.verifier is None:
            return flaw
        audio = Audio(samples, self.bundle.sample_rate_hz)
        spoken = SpokenSentence(sentence.read.normalized_text, self.manuscript.language, audio)
        return None if self.verifier.accepts(spoken) else Flaw.REJECTED

    def _try_again(self, flaw: Flaw, *, heard: bool = False) -> bool:
        """Begin another attempt, with another seed; False if the sentence stays as it is.

        Of a sentence that was `heard` in part, only silence can be said anew.

        Raises:
            SynthesisError: no attempt is left and this one cannot be used.
        """
        sentence, index = self._speaking, self.manuscript.index
        self._findings[index] = Finding(index, flaw, sentence.attempt, resolved=False)
        from_start = flaw in (Flaw.EMPTY, Flaw.SILENT, Flaw.CLIPPED, Flaw.REJECTED)
        may_retry = flaw is Flaw.SILENT or not (heard and from_start)
        retries = self.bundle.defaults.checks.retries
        logger.info(
            "sentence %d, seed %d: attempt %d was %s", index, self.seed, sentence.attempt, flaw
        )
        if sentence.attempt <= retries and may_retry:
            sentence.take_back(whole=from_start)
            return True
        if flaw in FATAL:
            raise SynthesisError(
                f"sentence {index + 1} failed {sentence.attempt} times, at last because it "
                f"{FATAL[flaw]} (seed {self.seed}, limit {sentence.checks.limit} tokens)"
            )
        return False

    def _close(self, *, resolved: bool) -> None:
        """End the sentence; the checks of its tokens may have left a flaw, too."""
        finding = self._findings.get(self.manuscript.index)
        sentence = self._speaking
        if finding is not None and sentence.attempt > finding.attempts and resolved:
            self._findings[finding.sentence] = finding = replace(
                finding, attempts=sentence.attempt, resolved=True
            )
        if finding is None or finding.resolved:
            self.carrier.keep(sentence.spoken, sentence.read)
        else:
            self.carrier.forget()
        self.sentence = None

    @property
    def _least(self) -> int:
        """How many tokens the sentence must have: more where it has ended too soon before."""
        finding = self._findings.get(self.manuscript.index)
        ended_early = finding is not None and finding.flaw is Flaw.TOO_SHORT
        return self._speaking.checks.least if ended_early else 0

    @property
    def _speaking(self) -> Sentence:
        if self.sentence is None:
            raise RuntimeError("no sentence has begun")
        return self.sentence

    def _silence(self, seconds: float) -> Samples:
        return np.zeros(round(seconds * self.bundle.sample_rate_hz), np.float32)


def _opened(
    open_acoustic: OpenStream, ids: Tensor, seed: int, index: int, attempt: int
) -> AcousticStream:
    """Open the sound of an attempt; knows no stream, or one that ends early would not be freed."""
    return open_acoustic(ids, _source(seed, index, attempt - 1))


def _source(seed: int, index: int, variation: int) -> torch.Generator:
    """Random numbers of a sentence's own: how it is cut must not move the sampling."""
    seed += (index + 1) * SEED_STRIDE + variation * VARIATION_STRIDE
    return torch.Generator().manual_seed(seed % 2**63)


def _timekeeper(bundle: Bundle, request: SynthesisRequest) -> Timekeeper | None:
    if request.timestamps is TimestampDetail.NONE:
        return None
    model, decoder = bundle.text_to_semantic, bundle.prompt_maker.decoder
    return Timekeeper(request.text, request.timestamps, model, decoder, bundle.sample_rate_hz)


def _timed(phonemes: Phonemes) -> list[int]:
    """The ids of the phonemes that take time: Japanese and Korean have many marks that do not."""
    sounds = (sound for segment in phonemes.segments for sound in segment.phonemes)
    pairs = zip(phonemes.phoneme_ids, sounds, strict=True)
    return [phoneme_id for phoneme_id, sound in pairs if sound not in ACCENT_MARKS]


def _pace(voice: VoicePrompt) -> float:
    """Tokens per phoneme of the reference; 0 where it has no words."""
    phonemes = len(voice.phoneme_ids)
    return len(voice.semantic_tokens) / phonemes if phonemes else 0.0
