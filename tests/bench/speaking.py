"""One second of speech through every network of a bundle, whatever its weights make of it."""

from __future__ import annotations

import numpy as np
import torch

from engine.pipeline.acoustic import Manner
from engine.pipeline.bundle import Bundle
from engine.types import Audio


@torch.inference_mode()
def speak_a_second(bundle: Bundle, tokens: int, flow_steps: int) -> None:
    """Make a voice of 4 s of noise, read a Mandarin sentence, generate and decode `tokens`."""
    noise = np.random.default_rng(0).standard_normal(4 * 32000).astype(np.float32)
    voice = bundle.create_prompt(Audio(0.1 * noise, 32000), "今天天气很好。", "zh")
    phonemes = bundle.phonemes("今天天气很好。", "zh")
    ids = torch.tensor(phonemes.phoneme_ids)
    features = bundle.bert_features(phonemes)
    if features is None or voice.bert_features is None:
        raise RuntimeError("the bundle reads no characters")
    model = bundle.text_to_semantic
    cache = model.new_cache(1, 512)
    model.prefill(
        cache,
        torch.cat([voice.phoneme_ids, ids]),
        torch.cat([voice.bert_features, features], dim=1),
        voice.semantic_tokens,
    )
    for step in range(tokens):
        model.decode(cache, torch.zeros(1, dtype=torch.long), torch.tensor([step]))
    by_mels = bundle.config.defaults.flow is not None
    manner = Manner(0.5, 1.0, flow_steps if by_mels else None)
    stream = bundle.acoustics.in_voice(voice, manner)(ids, torch.Generator().manual_seed(0))
    if not len(stream.decode(torch.arange(tokens), last=True)):
        raise RuntimeError("nothing was spoken")
