"""Speech copied through the tokens: what the acoustic half makes of a perfect first half."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from engine.audio.resample import resample_high_quality
from engine.pipeline.acoustic import Manner, OpenStream
from engine.pipeline.bundle import Bundle
from engine.types import Audio

CONTENT_RATE_HZ = 16_000


@torch.inference_mode()
def copy_all(
    bundle: Bundle, voice_id: str, texts: Sequence[str], originals: Sequence[Audio]
) -> list[Audio]:
    """Return each original, taken apart into tokens and spoken again in the voice."""
    voice = bundle.builtin_voices[voice_id]
    manner = Manner(bundle.defaults.noise_scale, 1.0)
    begin = bundle.acoustics.in_voice(voice.prompt, manner)
    return [
        _copy(bundle, begin, bundle.phonemes(text, voice.language).phoneme_ids, original)
        for text, original in zip(texts, originals, strict=True)
    ]


def _copy(
    bundle: Bundle, begin: OpenStream, phoneme_ids: tuple[int, ...], original: Audio
) -> Audio:
    heard = resample_high_quality(_scaled(bundle, original), CONTENT_RATE_HZ)
    features = bundle.prompt_maker.content_encoder(torch.from_numpy(heard.samples)[None])
    tokens = bundle.prompt_maker.decoder.extract_semantic_tokens(features)[0]
    generator = torch.Generator().manual_seed(0)
    stream = begin(torch.tensor(phoneme_ids), generator)
    return Audio(stream.decode(tokens, last=True), bundle.sample_rate_hz)


def _scaled(bundle: Bundle, audio: Audio) -> Audio:
    """Scale to the peak that the bundle's references have."""
    peak = bundle.defaults.reference_peak
    if peak is None:
        return audio
    return Audio(audio.samples * (peak / abs(audio.samples).max()), audio.sample_rate_hz)
