"""Trains a TextToSemantic model on phonemes and tokens, as synthesis will use it.

Half of the sequences continue a prompt: an utterance of the same speaker, the silence after it,
then the target, with the texts of both before them.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Protocol

import torch
from torch import Tensor, nn

from engine.device import multiplies_bfloat16
from engine.models.text_to_semantic import TextToSemantic
from engine.training.losses import token_losses
from engine.training.placement import device_of, sent_batch
from engine.training.run import Stateful, TrainingRun
from engine.training.semantic_pass import SemanticBatch, predict


class SemanticExample(Protocol):
    """Phonemes [N] and tokens [M] of an utterance.

    `heard` are the tokens that a recording of it would have as a prompt, `tail` those of the
    silence after it.
    """

    @property
    def speaker(self) -> str: ...
    @property
    def phoneme_ids(self) -> Tensor: ...
    @property
    def tokens(self) -> Tensor: ...
    @property
    def heard(self) -> Tensor: ...
    @property
    def tail(self) -> Tensor: ...


@dataclass(frozen=True, slots=True)
class SemanticOptions:
    """Length and rate of the training.

    `prompted_share` of the sequences continue a prompt; `anchored_share` of those prompts are
    the speaker's own anchor, where there is one, and `doubled_share` of the others two utterances,
    so that long references are known too. `mistaken_share` of the past tokens are
    replaced by random ones: the model learns to hold on to the text where its own past is
    wrong, as it will be in synthesis.
    """

    steps: int = 3000
    hours: float = float("inf")
    batch: int = 12
    learning_rate: float = 6e-4
    prompted_share: float = 0.7
    anchored_share: float = 0.6
    doubled_share: float = 0.3
    mistaken_share: float = 0.15
    seed: int = 11


def train_text_to_semantic(
    model: TextToSemantic,
    examples: Sequence[SemanticExample],
    folder: Path,
    options: SemanticOptions,
    anchors: Mapping[str, SemanticExample] = MappingProxyType({}),
) -> None:
    """Train in place, resuming what `folder` holds.

    `anchors` are the prompts that synthesis will use, by speaker: those of built-in voices.
    """
    device = device_of(model)
    optimizer = torch.optim.AdamW(
        model.parameters(), options.learning_rate, betas=(0.9, 0.95), weight_decay=0.01, fused=True
    )
    parts: dict[str, Stateful] = {"model": model, "optimizer": optimizer}
    run = TrainingRun(folder, parts, options.steps, options.hours)
    rng = random.Random(options.seed + run.step)
    sampler = SequenceSampler(examples, anchors, options, rng)
    model.train()
    while not run.finished:
        for group in optimizer.param_groups:
            warm = min(1.0, (run.step + 1) / 200)
            group["lr"] = options.learning_rate * warm * (1 - 0.97 * run.progress)
        batch = collate(sampler.draw(options.batch), model.config.end)
        batch = with_mistakes(batch, options.mistaken_share, model.config.end)
        batch = sent_batch(batch, device)
        with torch.autocast(device.type, torch.bfloat16, enabled=multiplies_bfloat16(device)):
            logits, targets = predict(model, batch)
        counted = torch.arange(targets.shape[1], device=device) <= batch.token_lengths[:, None]
        loss = (token_losses(logits.float(), targets) * counted).sum() / counted.sum()
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        right = ((logits.argmax(-1) == targets) * counted).sum() / counted.sum()
        run.advance({"loss": loss.detach(), "accuracy": right})
        run.keep()
    model.eval()


class SequenceSampler:
    """Draws sequences of similar length, alone or after a prompt of the same speaker."""

    POOL = 8

    def __init__(
        self,
        examples: Sequence[SemanticExample],
        anchors: Mapping[str, SemanticExample],
        options: SemanticOptions,
        rng: random.Random,
    ) -> None:
        self.examples, self.anchors, self.options, self.rng = examples, anchors, options, rng
        self.by_speaker: dict[str, list[SemanticExample]] = defaultdict(list)
        for example in examples:
            self.by_speaker[example.speaker].append(example)
        self.ready: list[list[tuple[Tensor, Tensor]]] = []

    def draw(self, batch: int) -> list[tuple[Tensor, Tensor]]:
        """`batch` pairs of phonemes [N] and tokens [M]."""
        if not self.ready:
            pool = sorted(
                (self._sequence() for _ in range(batch * self.POOL)),
                key=lambda pair: len(pair[0]) + len(pair[1]),
            )
            self.ready = [pool[i : i + batch] for i in range(0, len(pool), batch)]
            self.rng.shuffle(self.ready)
        return self.ready.pop()

    def _sequence(self) -> tuple[Tensor, Tensor]:
        target = self.rng.choice(self.examples)
        if self.rng.random() > self.options.prompted_share:
            return target.phoneme_ids, target.tokens
        prompts = self._prompts(target.speaker)
        heard = [tokens for prompt in prompts for tokens in (prompt.heard, prompt.tail)]
        phonemes = torch.cat([*(prompt.phoneme_ids for prompt in prompts), target.phoneme_ids])
        return phonemes, torch.cat([*heard, target.tokens])

    def _prompts(self, speaker: str) -> list[SemanticExample]:
        if speaker in self.anchors and self.rng.random() < self.options.anchored_share:
            return [self.anchors[speaker]]
        count = 2 if self.rng.random() < self.options.doubled_share else 1
        return self.rng.choices(self.by_speaker[speaker], k=count)


def with_mistakes(batch: SemanticBatch, share: float, codes: int) -> SemanticBatch:
    """Let a random `share` of the past tokens be heard as other codes."""
    tokens = batch.semantic_tokens
    wrong = torch.rand(tokens.shape) < share
    return replace(
        batch, heard_tokens=torch.where(wrong, torch.randint_like(tokens, codes), tokens)
    )


def collate(pairs: Sequence[tuple[Tensor, Tensor]], end: int) -> SemanticBatch:
    """Pad phonemes on the left and tokens on the right."""
    n, m = max(len(p) for p, _ in pairs), max(len(t) for _, t in pairs)
    phoneme_ids = torch.zeros(len(pairs), n, dtype=torch.long)
    tokens = torch.full((len(pairs), m), end)
    for row, (phonemes, semantic) in enumerate(pairs):
        phoneme_ids[row, n - len(phonemes) :] = phonemes
        tokens[row, : len(semantic)] = semantic
    padding = torch.tensor([n - len(p) for p, _ in pairs])
    inside = torch.arange(n) >= padding[:, None]
    lengths = torch.tensor([len(t) for _, t in pairs])
    return SemanticBatch(phoneme_ids, inside, -padding, tokens, lengths)
