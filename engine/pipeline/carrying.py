"""The end of what was spoken, kept as a prompt so that the next sentence goes on from it.

The model reads the voice's prompt, then the last words that it said itself, then the new sentence,
as if all were one utterance: melody and pace go on where they were. Prompt and tail together are
no longer than the longest reference of the bundle. A tail begins with a word; where the sentence
was longer, the aligner tells with which token that word begins.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from engine.models.text_to_semantic import TextToSemantic
from engine.pipeline.alignment import AlignedDecoder, SpokenTokens, phoneme_boundaries
from engine.pipeline.bundle import Bundle
from engine.pipeline.options import carried_s
from engine.pipeline.sentence import Prefill
from engine.text.symbols import SILENT
from engine.types import Phonemes, SpokenTail, SynthesisRequest, VoicePrompt

TOKENS_PER_S = 25
SILENCE_S = 0.6  # behind a reference, in its prompt


class Carrier:
    """Keeps the tail of one request's speech; a request that stands alone carries nothing."""

    def __init__(self, bundle: Bundle, request: SynthesisRequest) -> None:
        self._bundle, self._voice = bundle, request.voice
        self.tail = None if request.after is None else request.after.tail
        is_part = request.goes_on or request.after is not None
        self._longest = _longest_tail(bundle, request) if is_part else 0

    def prefill(self, ids: Tensor, bert: Tensor | None) -> Prefill:
        """What the model reads for a sentence of the phonemes `ids` [N] and features [D, N]."""
        voice, tails = self._voice, [] if self.tail is None else [self.tail]
        before = [_features(voice, bert), *(tail.bert_features for tail in tails)]
        return Prefill(
            torch.cat([voice.phoneme_ids, *(tail.phoneme_ids for tail in tails), ids]),
            _joined(before, bert),
            torch.cat([voice.semantic_tokens, *(tail.semantic_tokens for tail in tails)]),
        )

    def keep(self, spoken: SpokenTokens, phonemes: Phonemes) -> None:
        """Take the end of a sentence that was `spoken`."""
        if self._longest:
            model, decoder = self._bundle.text_to_semantic, self._bundle.prompt_maker.decoder
            self.tail = tail_of(model, decoder, spoken, phonemes, self._longest)

    def forget(self) -> None:
        """Begin anew from the voice: what was spoken is no good example."""
        self.tail = None


def tail_of(
    model: TextToSemantic,
    decoder: AlignedDecoder,
    spoken: SpokenTokens,
    phonemes: Phonemes,
    longest: int,
) -> SpokenTail | None:
    """The last words of a sentence, in at most so many tokens; None if not one fits."""
    tokens, first = spoken.tokens, 0
    if len(tokens) > longest:
        shares = phoneme_boundaries(model, decoder, spoken)
        starts = [(at, round(shares[at] * len(tokens))) for at in _word_starts(phonemes)]
        fitting = [each for each in starts if len(tokens) - longest <= each[1] < len(tokens)]
        if not fitting:
            return None
        first, begin = fitting[0]
        tokens = tokens[begin:]
    own = slice(len(spoken.phoneme_ids) - spoken.phonemes + first, None)
    bert = None if spoken.bert_features is None else spoken.bert_features[:, own]
    return SpokenTail(tokens, spoken.phoneme_ids[own], bert)


def _longest_tail(bundle: Bundle, request: SynthesisRequest) -> int:
    """How many tokens may be carried beside the prompt of the voice."""
    prompt_s = len(request.voice.semantic_tokens) / TOKENS_PER_S - SILENCE_S
    room_s = bundle.defaults.longest_reference_s - prompt_s
    wanted_s = carried_s(request.options, bundle.defaults)
    return max(0, int(TOKENS_PER_S * min(wanted_s, room_s)))


def _word_starts(phonemes: Phonemes) -> Iterator[int]:
    """Where words begin, in phonemes; where the reader knows no words, any sound may begin one."""
    position = 0
    for segment in phonemes.segments:
        at = 0
        for _, count in segment.words or [(sound, 1) for sound in segment.phonemes]:
            if count and segment.phonemes[at] not in SILENT:
                yield position + at
            at += count
        position += len(segment.phonemes)


def _features(voice: VoicePrompt, target: Tensor | None) -> Tensor | None:
    """The character features of the voice's prompt; one without any has zeros."""
    if target is None or voice.bert_features is not None:
        return voice.bert_features
    return target.new_zeros(len(target), len(voice.phoneme_ids))


def _joined(before: Sequence[Tensor | None], target: Tensor | None) -> Tensor | None:
    """The character features of all that is read, [D, N]."""
    if target is None:
        return None
    return torch.cat([*(each for each in before if each is not None), target], dim=1)
