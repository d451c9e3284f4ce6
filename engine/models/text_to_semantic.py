"""The autoregressive model: phonemes and a prompt -> semantic tokens at 25 Hz.

Reference: Borsos et al., "SoundStorm", arXiv:2305.09636 (the public code that this model's sizes
come from implements its text-to-semantic stage as a decoder over text and audio in one sequence).

Text positions attend to all text, audio positions to all text and to earlier audio. A row of a
batch keeps its own length in the cache, so rows of any length decode together:

1. `prefill` embeds text and prompt, fills one row of a `KeyValueCache`, returns the logits.
2. `decode` takes one token per live row and returns one row of logits each.
3. `KeyValueCache.remove` frees a row by moving the last one into its place.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from engine.models.key_value_cache import KeyValueCache, Window
from engine.models.positions import Position
from engine.models.semantic_layers import CachePlaces, Layer, LayerStep, Stack


@dataclass(frozen=True, slots=True)
class TextToSemanticConfig:
    """Sizes of the model; `bert_dimension` 0 leaves the character features out.

    `max_tokens` stops a sentence that never ends; `min_tokens` is how many come before an end
    is allowed.
    """

    symbols: int
    vocabulary: int = 1025
    width: int = 512
    heads: int = 16
    layers: int = 24
    bert_dimension: int = 1024
    max_tokens: int = 1500
    min_tokens: int = 11

    @property
    def end(self) -> int:
        """The token that ends a sentence."""
        return self.vocabulary - 1

    @classmethod
    def from_released(cls, config: Mapping[str, Any]) -> TextToSemanticConfig:
        """Read the `config` that lies in a released `.ckpt`."""
        model = config["model"]
        return cls(
            symbols=model["phoneme_vocab_size"],
            vocabulary=model["vocab_size"],
            width=model["hidden_dim"],
            heads=model["head"],
            layers=model["n_layer"],
        )


class _Embedding(nn.Module):
    def __init__(self, rows: int, width: int) -> None:
        super().__init__()
        self.word_embeddings = nn.Embedding(rows, width)


class Decode(Protocol):
    """A decoding step beside the model's own, for the device that it is on."""

    @property
    def cache_dtype(self) -> torch.dtype:
        """The numbers that its caches hold."""
        ...

    def __call__(self, cache: KeyValueCache, tokens: Tensor, positions: Tensor) -> Tensor:
        """As `TextToSemantic.decode`, with room in the cache and its lengths left as they are."""
        ...


class Prefill(Protocol):
    """Reads one sequence beside the model's own layers, for the device that it is on."""

    def __call__(self, x: Tensor, text: int) -> tuple[Tensor, Tensor, Tensor]:
        """Embedded [T, D], of which so many positions are text -> the last one's hidden [D].

        And all layers' keys and values, [layers, H, T, W] each.
        """
        ...


class TextToSemantic(nn.Module):
    """Decoder-only transformer over [text, audio], under the released keys (less `model.`).

    `packed` stands in for `decode` where its weights are packed, `packed_prefill` for `encode` of
    one sequence.
    """

    def __init__(self, config: TextToSemanticConfig) -> None:
        super().__init__()
        self.config = config
        if config.bert_dimension:
            self.bert_proj = nn.Linear(config.bert_dimension, config.width)
        self.ar_text_embedding = _Embedding(config.symbols, config.width)
        self.ar_text_position = Position()
        self.ar_audio_embedding = _Embedding(config.vocabulary, config.width)
        self.ar_audio_position = Position()
        self.h = Stack(config.layers, config.width, config.heads)
        self.ar_predict_layer = nn.Linear(config.width, config.vocabulary, bias=False)
        self.packed: Decode | None = None
        self.packed_prefill: Prefill | None = None

    def new_cache(self, rows: int, capacity: int) -> KeyValueCache:
        """A cache for up to `rows` sequences, with room for `capacity` positions of each."""
        like = self.h.like
        dtype = like.dtype if self.packed is None else self.packed.cache_dtype
        return KeyValueCache(self.config, rows, capacity, like.to(dtype))

    def embed_text(
        self,
        phoneme_ids: Tensor,
        bert_features: Tensor | None = None,
        start: Tensor | int = 0,
    ) -> Tensor:
        """Phonemes [B, N] and features [B, bert, N] (None means zeros) -> [B, N, D]."""
        x = self.ar_text_embedding.word_embeddings(phoneme_ids)
        if self.config.bert_dimension:
            projected = self.bert_proj.bias if bert_features is None else self._bert(bert_features)
            x = x + projected
        return self.ar_text_position(x, start)

    def embed_audio(self, semantic_tokens: Tensor, start: Tensor | int = 0) -> Tensor:
        """Tokens [B, T] at positions `start`.. -> [B, T, D]."""
        x = self.ar_audio_embedding.word_embeddings(semantic_tokens)
        return self.ar_audio_position(x, start)

    def forward(self, text: Tensor, audio: Tensor, mask: Tensor) -> Tensor:
        """Embedded [B, N, D] and [B, T, D] under mask [B, 1, N+T, N+T] -> hidden [B, N+T, D]."""
        hidden, _, _ = self.encode(torch.cat([text, audio], dim=1), mask)
        return hidden

    def encode(self, x: Tensor, mask: Tensor) -> tuple[Tensor, list[Tensor], list[Tensor]]:
        """[B, T, D] under a mask -> hidden [B, T, D], each layer's keys and values [B, H, T, W]."""
        keys, values = [], []
        x = x.to(self.h.like.dtype)
        for layer in self.h:
            q, k, v = layer.self_attn.project(x)
            keys.append(k)
            values.append(v)
            x = layer.finish(x, layer.self_attn.attend(q, k, v, mask))
        return x, keys, values

    def prefill(
        self,
        cache: KeyValueCache,
        phoneme_ids: Tensor,
        bert_features: Tensor | None,
        prompt: Tensor,
    ) -> Tensor:
        """Fill the next row with text [N] (features [bert, N]) and prompt [P] -> logits [V]."""
        where = cache.keys.device
        bert = None if bert_features is None else bert_features[None].to(where)
        text = self.embed_text(phoneme_ids[None].to(where), bert)
        audio = self.embed_audio(prompt[None].to(where))
        x, n = torch.cat([text, audio], dim=1), text.shape[1]
        cache.reserve(x.shape[1] + 1)
        if self.packed_prefill is None:
            hidden, keys, values = self.encode(x, prefix_mask(n, x.shape[1], x.device))
            cache.append(torch.cat(keys), torch.cat(values))
            return self.ar_predict_layer(hidden[0, -1].float())
        last, all_keys, all_values = self.packed_prefill(x[0], n)
        cache.append(all_keys, all_values)
        return self.ar_predict_layer(last)

    def attention(
        self, text: Tensor, audio: Tensor, *, rows: slice, columns: slice
    ) -> Iterator[Tensor]:
        """Yield each layer's attention weights [H, R, C] from positions `rows` to `columns`.

        Embedded text [1, N, D] and audio [1, T, D] are one sequence, as in `forward`.
        """
        x = torch.cat([text, audio], dim=1).to(self.h.like.dtype)
        mask = prefix_mask(text.shape[1], x.shape[1], x.device)
        for layer in self.h:
            q, k, v = layer.self_attn.project(x)
            scores = q[0, :, rows].float() @ k[0].float().mT / math.sqrt(q.shape[-1])
            scores = scores.masked_fill(~mask[0, :, rows], -math.inf)
            yield scores.softmax(-1)[:, :, columns]
            x = layer.finish(x, layer.self_attn.attend(q, k, v, mask))

    def decode(self, cache: KeyValueCache, tokens: Tensor, positions: Tensor) -> Tensor:
        """One token [B] per live row, at audio `positions` [B] -> logits [B, V]."""
        rows, longest = cache.live, cache.longest + 1
        cache.reserve(longest)
        if self.packed is None:
            logits = self.decode_window(cache.window(rows, longest), tokens, positions)
        else:
            logits = self.packed(cache, tokens, positions)
        cache.lengths[:rows] += 1
        for row in range(rows):
            cache.filled[row] += 1
        return logits

    def decode_window(
        self,
        window: Window,
        tokens: Tensor,
        positions: Tensor,
        step: LayerStep = Layer.step,
    ) -> Tensor:
        """One token [R] for every row of a window, at `positions` [R] -> logits [R, V].

        What is done depends on the window's shape alone; its lengths stay. `step` stands in for
        that of the layers.
        """
        lengths = window.lengths
        rows = torch.arange(len(lengths), device=lengths.device)
        columns = torch.arange(window.keys.shape[3], device=lengths.device)
        at = CachePlaces(rows, lengths, (columns <= lengths[:, None])[:, None, None, :])
        x = self.embed_audio(tokens[:, None], positions).to(self.h.like.dtype)
        for layer, keys, values in zip(self.h, window.keys, window.values, strict=True):
            x = step(layer, x, keys, values, at)
        return self.ar_predict_layer(x[:, 0].float())

    def _bert(self, bert_features: Tensor) -> Tensor:
        return self.bert_proj(bert_features.mT)


WindowDecode = Callable[[TextToSemantic, Window, Tensor, Tensor], Tensor]
"""Does what `TextToSemantic.decode_window` does with the step of its own."""


def prefix_mask(text: int, total: int, device: torch.device) -> Tensor:
    """Bool [1, 1, total, total]: text sees all text, audio sees text and earlier audio."""
    allowed = torch.ones(total, total, dtype=torch.bool, device=device).tril()
    allowed[:text, :text] = True
    return allowed[None, None]
