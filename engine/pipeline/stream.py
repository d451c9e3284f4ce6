"""One request on its way: its sentences, its random numbers, its place in the audio."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from engine.errors import EmptyTextError, ReferenceAudioError, SynthesisError
from engine.models.sampling import (
    SamplingOptions,
    choose,
    draw_noise,
    penalize_repetition,
    token_probabilities,
)
from engine.pipeline.acoustic import AcousticStream, Manner
from engine.pipeline.bundle import Bundle
from engine.types import (
    AudioChunk,
    Samples,
    SynthesisOptions,
    SynthesisRequest,
    VoicePrompt,
)

FIRST_PIECE_TOKENS = 14
PIECE_GROWTH = 1.6
LONGEST_PIECE_TOKENS = 75
TOKENS_PER_PHONEME = 12  # 0.48 s; beyond this on average a sentence has run away
SPARE_TOKENS = 60
SILENT_RMS = 1e-3
SEED_STRIDE = 0x9E3779B97F4A7C15  # 2^64 over the golden ratio: far from every small seed


@dataclass(slots=True)
class Sentence:
    """The sentence being spoken.

    Attributes:
        phonemes: how many it has.
        tokens: what was generated so far; history: those and the prompt's [P + n].
        wanted: how many tokens the next piece waits for; piece: how many the last one had.
    """

    acoustic: AcousticStream
    phonemes: int
    history: Tensor
    tokens: list[int] = field(default_factory=list)
    piece: int = FIRST_PIECE_TOKENS
    wanted: int = FIRST_PIECE_TOKENS
    ended: bool = False
    energy: float = 0.0
    samples: int = 0


class Stream:
    """State of one request. Raises InputError kinds when it is made."""

    def __init__(self, bundle: Bundle, request: SynthesisRequest) -> None:
        self.bundle, self.request = bundle, request
        options = request.options
        self.seed = secrets.randbits(62) if options.seed is None else options.seed
        self.generator = torch.Generator().manual_seed(self.seed)
        self.sampling = resolve_sampling(options, bundle.defaults.sampling)
        bundle.check_language(request.language)
        self.sentences = bundle.frontend.sentences(
            request.text, request.language, options.split_policy
        )
        if not self.sentences:
            raise EmptyTextError("the text has nothing that can be spoken")
        self.manner = self._manner(options)
        self.next_sentence = 0
        self.sentence: Sentence | None = None
        self.position = 0
        self.paused = False

    @property
    def exhausted(self) -> bool:
        """Whether no sentence is left."""
        return self.sentence is None and self.next_sentence == len(self.sentences)

    def begin_sentence(self) -> tuple[Tensor, Tensor | None, Tensor]:
        """Move to the next sentence; returns what the model is prefilled with.

        Phonemes [N] of prompt and sentence, their character features or None, prompt tokens [P].
        """
        bundle, voice = self.bundle, self.request.voice
        phonemes = bundle.phonemes(self.sentences[self.next_sentence], self.request.language)
        self.next_sentence += 1
        ids = torch.tensor(phonemes.phoneme_ids)
        acoustic = AcousticStream(bundle.decoder, ids, self.manner, self._noise_source())
        prompt = voice.semantic_tokens
        self.sentence = Sentence(acoustic, len(ids), prompt)
        bert = _joined(voice, bundle.bert_features(phonemes))
        return torch.cat([voice.phoneme_ids, ids]), bert, prompt

    def accept(self, logits: Tensor) -> int | None:
        """Sample from `logits` [V] (on the CPU) and return the token, or None at the end.

        Raises:
            SynthesisError: the sentence has run away.
        """
        sentence, config = self._speaking, self.bundle.text_to_semantic.config
        if len(sentence.tokens) < config.min_tokens:
            logits = logits[: config.end]
        penalty = self.sampling.repetition_penalty
        logits = penalize_repetition(logits, sentence.history, penalty)
        noise = draw_noise(len(logits), self.generator)
        token = int(choose(token_probabilities(logits, self.sampling), noise))
        if config.end in (token, int(logits.argmax())):
            sentence.ended = True
            return None
        sentence.tokens.append(token)
        sentence.history = torch.cat([sentence.history, torch.tensor([token])])
        limit = min(config.max_tokens, TOKENS_PER_PHONEME * sentence.phonemes + SPARE_TOKENS)
        if len(sentence.tokens) > limit:
            where = f"sentence {self.next_sentence} (seed {self.seed})"
            raise SynthesisError(f"{where} did not end within {limit} tokens")
        return token

    @property
    def piece_due(self) -> bool:
        """Whether a piece of the sentence can be decoded now."""
        sentence = self.sentence
        if sentence is None:
            return False
        enough = sentence.acoustic.incremental and len(sentence.tokens) >= sentence.wanted
        return sentence.ended or enough

    def speak(self) -> AudioChunk:
        """Decode what is due; at a sentence's end, close it with its gap.

        Raises:
            SynthesisError: the sentence came out silent.
        """
        sentence, index = self._speaking, self.next_sentence - 1
        tokens = torch.tensor(sentence.tokens, device=self.bundle.device)
        samples = sentence.acoustic.decode(tokens, last=sentence.ended)
        sentence.energy += float(np.square(samples).sum())
        sentence.samples += len(samples)
        sentence.piece = min(int(sentence.piece * PIECE_GROWTH), LONGEST_PIECE_TOKENS)
        sentence.wanted = len(sentence.tokens) + sentence.piece
        if sentence.ended:
            if sentence.energy < SILENT_RMS**2 * sentence.samples:
                raise SynthesisError(f"sentence {index + 1} came out silent (seed {self.seed})")
            samples = self._with_gap(samples)
            self.sentence = None
        start, self.position = self.position, self.position + len(samples)
        return AudioChunk(samples, self.bundle.sample_rate_hz, start, index)

    def _noise_source(self) -> torch.Generator:
        """A source of its own for each sentence: how it is cut must not move the sampling."""
        seed = (self.seed + self.next_sentence * SEED_STRIDE) % 2**63
        return torch.Generator().manual_seed(seed)

    @property
    def _speaking(self) -> Sentence:
        if self.sentence is None:
            raise RuntimeError("no sentence has begun")
        return self.sentence

    def _manner(self, options: SynthesisOptions) -> Manner:
        bundle, voice = self.bundle, self.request.voice
        if bundle.config.acoustic.speaker_dimension and not voice.speaker_embeddings:
            raise ReferenceAudioError(
                f"the voice has no speaker embedding, which the bundle {bundle.name} reads: "
                "make it again from its recording with this bundle"
            )
        references = [r[None].to(bundle.device) for r in voice.reference_spectrograms]
        speakers = [e[None].to(bundle.device) for e in voice.speaker_embeddings]
        with torch.inference_mode():
            style = bundle.decoder.mean_style(references, speakers)
        scale = options.noise_scale
        default = bundle.defaults.noise_scale
        return Manner(style, default if scale is None else scale, options.speed)

    def _with_gap(self, samples: Samples) -> Samples:
        if self.next_sentence == len(self.sentences):
            return samples
        wanted = self.request.options.sentence_gap_s
        gap_s = self.bundle.defaults.sentence_gap_s if wanted is None else wanted
        gap = np.zeros(round(gap_s * self.bundle.sample_rate_hz), np.float32)
        return np.concatenate([samples, gap])


def resolve_sampling(options: SynthesisOptions, defaults: SamplingOptions) -> SamplingOptions:
    """The request's sampling options where it has them, else the bundle's."""
    return SamplingOptions(
        defaults.top_k if options.top_k is None else options.top_k,
        defaults.top_p if options.top_p is None else options.top_p,
        defaults.temperature if options.temperature is None else options.temperature,
        defaults.repetition_penalty
        if options.repetition_penalty is None
        else options.repetition_penalty,
    )


def _joined(voice: VoicePrompt, target: Tensor | None) -> Tensor | None:
    """The character features of prompt and sentence [1024, N]; a prompt without any has zeros."""
    if target is None:
        return None
    prompt = voice.bert_features
    if prompt is None:
        prompt = target.new_zeros(len(target), len(voice.phoneme_ids))
    return torch.cat([prompt, target], dim=1)
