"""Reading what comes before a sentence as one recording, for a GPU.

There is a recording for each of some lengths; a sequence is padded on the right to the next, where
no position of its own looks.
"""

from __future__ import annotations

import torch
from torch import Tensor

from engine.models.key_value_cache import KeyValueCache
from engine.models.recording import Recorder, Work
from engine.models.text_to_semantic import TextToSemantic

POSITIONS = (128, 192, 256, 320, 384, 512, 768)


class RecordedPrefill:
    """Does what `TextToSemantic.prefill` does, for a model and a cache that stay where they are.

    All recordings are made at once. What is longer goes by the model's own operations.
    """

    def __init__(self, model: TextToSemantic, cache: KeyValueCache, record: Recorder) -> None:
        self._model, self._cache = model, cache
        self._recorded = [_Recording(model, cache.keys.dtype, each, record) for each in POSITIONS]

    def __call__(self, phoneme_ids: Tensor, bert_features: Tensor | None, prompt: Tensor) -> Tensor:
        """Fill the next row with text [N] (features [bert, N]) and prompt [P] -> logits [V].

        The logits are overwritten by the next call.
        """
        cache, total = self._cache, len(phoneme_ids) + len(prompt)
        recording = next((each for each in self._recorded if each.positions >= total), None)
        if recording is None:
            return self._model.prefill(cache, phoneme_ids, bert_features, prompt)
        keys, values, logits = recording(phoneme_ids, bert_features, prompt)
        cache.reserve(total + 1)
        cache.append(keys[:, :, :total], values[:, :, :total])
        return logits


class _Recording:
    """Sequences of up to so many positions."""

    def __init__(
        self, model: TextToSemantic, kind: torch.dtype, positions: int, record: Recorder
    ) -> None:
        config, like = model.config, model.h.like
        self._model, self.positions = model, positions
        shape = (config.layers, config.heads, positions, config.width // config.heads)
        with torch.inference_mode():
            self._ids = torch.zeros(2, positions, dtype=torch.long, device=like.device)
            self._counts = torch.ones(2, dtype=torch.long, device=like.device)  # text, and all
            self._bert = torch.zeros(1, config.bert_dimension, positions, device=like.device)
            self._keys, self._values = (like.new_zeros(shape, dtype=kind) for _ in range(2))
            self._logits = torch.zeros(config.vocabulary, device=like.device)
            self._work: Work = record(self._read)

    def __call__(
        self, phoneme_ids: Tensor, bert_features: Tensor | None, prompt: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Keys and values [layers, H, T, W] of all positions, and the logits [V] of the last."""
        n, total = len(phoneme_ids), len(phoneme_ids) + len(prompt)
        ids = torch.zeros(2, self.positions, dtype=torch.long)
        ids[0, :n], ids[1, n:total] = phoneme_ids, prompt
        self._ids.copy_(ids)
        self._counts.copy_(torch.tensor((n, total)))
        if bert_features is None:
            self._bert.zero_()
        else:
            self._bert[0, :, :n] = bert_features
        self._work()
        return self._keys, self._values, self._logits

    def _read(self) -> None:
        model, (n, total) = self._model, self._counts
        at = torch.arange(self.positions, device=self._ids.device)
        in_text = at < n
        bert = self._bert if self._model.config.bert_dimension else None
        text = model.embed_text(self._ids[:1], bert)
        audio = model.embed_audio(self._ids[1:], -n[None])
        mask = (at <= at[:, None]) | (in_text & in_text[:, None])
        x = torch.where(in_text[:, None], text, audio)
        hidden, keys, values = model.encode(x, mask[None, None])
        torch.cat(keys, out=self._keys)
        torch.cat(values, out=self._values)
        last = hidden[0].index_select(0, total[None] - 1)[0]
        self._logits.copy_(model.ar_predict_layer(last.float()))
