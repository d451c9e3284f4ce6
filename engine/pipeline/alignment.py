"""When each phoneme of a sentence is spoken, found in what the networks look at.

The semantic model looks at the phoneme that it is speaking: some of its heads follow the text from
beginning to end. Which ones differs between models, so the heads are chosen anew for each
sentence, as those in which a monotonic path finds the most attention. They are blurred over some
tokens of 40 ms; the cross-attention of the acoustic half's prior is vaguer but at home at 20 ms.
Their sum is walked by dynamic programming, one phoneme after the other.

Reference: the search is that of Kim et al., "Glow-TTS", arXiv:2005.11129, section 3.3 (monotonic
alignment search), here over attention instead of likelihoods.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from engine.models.prior_encoder import PriorEncoder
from engine.models.quantizer import Quantizer
from engine.models.text_to_semantic import TextToSemantic

FRAMES_PER_TOKEN = 2
HEADS = 4  # whose attention is averaged
CANDIDATES = 16  # heads that are searched for a path: the most attentive ones
FLOOR = 1e-3  # of attention, so that no phoneme is impossible
IMPOSSIBLE = -1e9

Scores = NDArray[np.float32]
Path = NDArray[np.int64]


class AlignedDecoder(Protocol):
    """What is needed of an acoustic decoder, whichever it is."""

    enc_p: PriorEncoder
    quantizer: Quantizer


@dataclass(frozen=True, slots=True)
class SpokenTokens:
    """What the semantic model read and made.

    Attributes:
        phoneme_ids: of prompt and sentence, int64 [P + N]; the last `phonemes` are the sentence's.
        bert_features: [D, P + N] or None.
        prompt_tokens, tokens: int64 [Q] and [T].
    """

    phoneme_ids: Tensor
    bert_features: Tensor | None
    phonemes: int
    prompt_tokens: Tensor
    tokens: Tensor


@torch.inference_mode()
def phoneme_boundaries(
    model: TextToSemantic, decoder: AlignedDecoder, spoken: SpokenTokens
) -> NDArray[np.float64]:
    """Where the phonemes begin, and the last one ends, as shares of the sentence's sound.

    Returns:
        float64 [N + 1], rising from 0.0 to 1.0.
    """
    scores = np.log(_followed_text(model, spoken) + FLOOR).repeat(FRAMES_PER_TOKEN, axis=0)
    scores = scores + _prior_attention(decoder, spoken)
    (path,) = monotonic_paths(scores[None])
    starts = np.searchsorted(path, np.arange(spoken.phonemes + 1))
    starts[0] = 0
    return starts / len(path)


def monotonic_paths(scores: Scores) -> NDArray[np.int64]:
    """The best way of each map through all of its phonemes, [H, T, N] -> [H, T].

    It begins at one of the first phonemes, ends at one of the last, stays or goes on by one each
    step; by more where there are fewer steps than phonemes.
    """
    heads, steps, phonemes = scores.shape
    jump = 1 if steps >= phonemes else math.ceil(phonemes / steps) + 1
    best = np.full((heads, phonemes), IMPOSSIBLE, np.float32)
    best[:, : jump + 1] = scores[:, 0, : jump + 1]
    moves = np.zeros((steps, heads, phonemes), np.int64)
    for step in range(1, steps):
        reached, move = best.copy(), moves[step]
        for by in range(1, min(jump, phonemes - 1) + 1):
            better = best[:, :-by] > reached[:, by:]
            reached[:, by:] = np.where(better, best[:, :-by], reached[:, by:])
            move[:, by:] = np.where(better, by, move[:, by:])
        best = reached + scores[:, step]
    return _walk_back(best, moves, min(jump + 1, phonemes))


def _walk_back(best: Scores, moves: Path, endings: int) -> Path:
    heads, phonemes = best.shape
    at = phonemes - endings + best[:, phonemes - endings :].argmax(-1)
    every = np.arange(heads)
    path = np.zeros((heads, len(moves)), np.int64)
    for step in range(len(moves) - 1, -1, -1):
        path[:, step] = at
        at = at - moves[step, every, at]
    return path


def _followed_text(model: TextToSemantic, spoken: SpokenTokens) -> Scores:
    """The mean attention of the heads that follow the text best, [T, N]."""
    where = model.ar_predict_layer.weight.device
    bert = None if spoken.bert_features is None else spoken.bert_features[None].to(where)
    text = model.embed_text(spoken.phoneme_ids[None].to(where), bert)
    audio = model.embed_audio(torch.cat([spoken.prompt_tokens, spoken.tokens])[None].to(where))
    end = text.shape[1]
    first = end + len(spoken.prompt_tokens) - 1  # the position that predicts the first token
    layers = model.attention(
        text,
        audio,
        rows=slice(first, first + len(spoken.tokens)),
        columns=slice(end - spoken.phonemes, end),
    )
    maps = _most_attentive(layers)  # [H, T, N]
    paths = monotonic_paths(np.log(maps + FLOOR))
    found = np.take_along_axis(maps, paths[:, :, None], axis=2).mean(axis=(1, 2))
    return maps[np.argsort(-found)[:HEADS]].mean(axis=0)


def _most_attentive(layers: Iterable[Tensor]) -> Scores:
    """The maps [H, T, N] whose rows have the highest peaks, over all layers."""
    kept: list[tuple[float, Tensor]] = []
    for maps in layers:
        peaks = maps.amax(-1).mean(-1).tolist()
        kept = sorted([*kept, *zip(peaks, maps, strict=True)], key=lambda each: -each[0])
        kept = kept[:CANDIDATES]
    return torch.stack([attention for _, attention in kept]).cpu().numpy()


def _prior_attention(decoder: AlignedDecoder, spoken: SpokenTokens) -> Scores:
    """Log of the prior's cross-attention, the mean of its heads, [frames, N]."""
    where = decoder.enc_p.text_embedding.weight.device
    content = decoder.quantizer.decode(spoken.tokens[None].to(where))
    content = content.repeat_interleave(FRAMES_PER_TOKEN, dim=2)
    own = spoken.phoneme_ids[None, -spoken.phonemes :].to(where)
    attention = decoder.enc_p.log_text_attention(content, own)[0].mean(0)
    return attention.float().cpu().numpy()
