"""What half precision is tried out with: a sentence in every language, in a bundle's own voices."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import MappingProxyType

import torch
from torch import Tensor

from engine.models.half_precision import Probe
from engine.types import Phonemes, VoicePrompt

SENTENCES = MappingProxyType(
    {
        "en": "The rain came early, and the road to the harbor was wet until the evening.",
        "zh": "今天早上下了一场大雨，到了晚上路还是湿的。",
        "ja": "今朝は早くから雨が降り、夜まで道がぬれていました。",
        "ko": "오늘 아침 일찍 비가 내려서 저녁까지 길이 젖어 있었습니다.",
        "yue": "今朝早落咗場大雨，到夜晚條路仲係濕嘅。",
    }
)
MOST_VOICES = 2


def sentences(
    phonemes: Callable[[str, str], Phonemes], languages: Sequence[str]
) -> list[tuple[int, ...]]:
    """The phoneme ids of a sentence in each of the languages."""
    known = [(SENTENCES[code], code) for code in languages if code in SENTENCES]
    return [tuple(phonemes(text, code).phoneme_ids) for text, code in known]


def probes(
    spoken: Sequence[Sequence[int]], voices: Sequence[VoicePrompt], where: torch.device
) -> list[Probe]:
    """Each sentence after two of the voices, or after nothing where there are none."""
    nothing = torch.zeros(0, dtype=torch.long)
    heard: list[tuple[Tensor, Tensor]] = [
        (voice.phoneme_ids, voice.semantic_tokens) for voice in voices[:MOST_VOICES]
    ]
    return [
        Probe(torch.cat([read, torch.tensor(ids)]).to(where), prompt.to(where))
        for ids in spoken
        for read, prompt in heard or [(nothing, nothing)]
    ]
