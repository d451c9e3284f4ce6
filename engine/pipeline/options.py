"""How a request is spoken: what it asks for, and the bundle's defaults where it says nothing."""

from __future__ import annotations

from dataclasses import replace

from engine.checkpoints.bundle_folder import SpeechDefaults
from engine.models.sampling import SamplingOptions
from engine.pipeline.acoustic import Manner
from engine.types import SynthesisOptions

RETRY_TOP_K, RETRY_TEMPERATURE = 5, 1.0


def sampling_of(options: SynthesisOptions, defaults: SpeechDefaults) -> SamplingOptions:
    """How semantic tokens are sampled."""
    usual = defaults.sampling
    return SamplingOptions(
        _or(options.top_k, usual.top_k),
        _or(options.top_p, usual.top_p),
        _or(options.temperature, usual.temperature),
        _or(options.repetition_penalty, usual.repetition_penalty),
    )


def livelier(sampling: SamplingOptions) -> SamplingOptions:
    """For another attempt: what is nearly greedy would get stuck in the same place again."""
    return replace(
        sampling,
        top_k=max(sampling.top_k, RETRY_TOP_K),
        temperature=max(sampling.temperature, RETRY_TEMPERATURE),
    )


def manner_of(options: SynthesisOptions, defaults: SpeechDefaults) -> Manner:
    """How tokens become sound."""
    noise_scale = _or(options.noise_scale, defaults.noise_scale)
    return Manner(noise_scale, options.speed, options.sample_steps)


def sentence_gap_s(options: SynthesisOptions, defaults: SpeechDefaults) -> float:
    """The silence behind a sentence that another one follows."""
    return _or(options.sentence_gap_s, defaults.sentence_gap_s)


def carried_s(options: SynthesisOptions, defaults: SpeechDefaults) -> float:
    """How much of what was just spoken the next sentence goes on from."""
    return _or(options.carried_s, defaults.carried_s)


def _or[T](asked: T | None, usual: T) -> T:
    return usual if asked is None else asked
