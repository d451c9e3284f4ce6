"""Character features of Mandarin: what the semantic model knows of words beyond their sounds."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from engine.checkpoints.parts import BEGIN, END, UNKNOWN
from engine.errors import SynthesisError
from engine.models.bert import BertFeatures, expand_to_phonemes
from engine.types import Phonemes, PhonemeSegment

LANGUAGE = "zh"


class CharacterFeatures:
    """A BERT with its vocabulary; a normalized text is one token a character.

    Args:
        network: in evaluation mode.
        vocabulary: token -> id, with `[CLS]`, `[SEP]` and `[UNK]`.
    """

    def __init__(self, network: BertFeatures, vocabulary: Mapping[str, int]) -> None:
        self.network, self._ids = network, vocabulary
        sizes = network.bert.config
        self._width: int = sizes.hidden_size
        self._longest: int = sizes.max_position_embeddings - 2

    @torch.inference_mode()
    def __call__(self, phonemes: Phonemes) -> Tensor:
        """Return bert_features [D, N] on the CPU: zeros in languages other than Mandarin.

        Raises:
            SynthesisError: a segment does not say how many phonemes each character has.
        """
        return torch.cat([self._segment(segment) for segment in phonemes.segments], dim=1)

    def _segment(self, segment: PhonemeSegment) -> Tensor:
        """[D, n] of one segment; longer than the network reads, it is read in parts."""
        if segment.language != LANGUAGE:
            return torch.zeros(self._width, len(segment.phonemes))
        text, counts = segment.normalized_text, segment.word2ph or ()
        if len(counts) != len(text) or sum(counts) != len(segment.phonemes):
            raise SynthesisError(
                f"{len(text)} characters have {len(counts)} counts of {sum(counts)} phonemes "
                f"where {len(segment.phonemes)} are spoken"
            )
        starts = range(0, len(text), self._longest)
        parts = [slice(start, start + self._longest) for start in starts]
        return torch.cat([expand_to_phonemes(self._read(text[p]), counts[p]) for p in parts], dim=1)

    def _read(self, text: str) -> Tensor:
        """[n + 2, D] of n characters."""
        unknown = self._ids[UNKNOWN]
        inner = [self._ids.get(character, unknown) for character in text]
        ids = torch.tensor([[self._ids[BEGIN], *inner, self._ids[END]]])
        return self.network(ids.to(self.network.bert.device))[0].float().cpu()
