"""Batches of utterances for the acoustic trainings."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from torch import Tensor, nn

from engine.audio.spectrogram import Spectrogram
from engine.training.acoustic_pass import AcousticBatch
from engine.training.placement import sent, sent_batch


class AcousticExample(Protocol):
    """Phonemes [N] and tokens [T / 2] of an utterance of `frames` = T, which starts at `start`."""

    @property
    def speaker(self) -> str: ...
    @property
    def start(self) -> int: ...
    @property
    def frames(self) -> int: ...
    @property
    def phoneme_ids(self) -> Tensor: ...
    @property
    def tokens(self) -> Tensor: ...


@dataclass(frozen=True, slots=True)
class BatchOptions:
    """Utterances of a batch, the lengths that are taken, and how much of a reference is."""

    utterances: int = 6
    shortest_frames: int = 25
    longest_frames: int = 300
    reference_frames: int = 200


class BatchLoader:
    """Draws batches of similar length, with references of the same speakers.

    They are where the `spectrogram` is.
    """

    POOL = 16

    def __init__(
        self,
        examples: Sequence[AcousticExample],
        audio: np.ndarray[tuple[int], np.dtype[np.int16]],
        spectrogram: Spectrogram,
        options: BatchOptions,
        rng: random.Random,
    ) -> None:
        self.examples = [
            e for e in examples if options.shortest_frames <= e.frames <= options.longest_frames
        ]
        self.audio, self.spectrogram, self.options, self.rng = audio, spectrogram, options, rng
        self.hop = spectrogram.hop_samples
        self.by_speaker: dict[str, list[AcousticExample]] = defaultdict(list)
        for example in self.examples:
            self.by_speaker[example.speaker].append(example)
        self.ready: list[list[AcousticExample]] = []

    def draw(self) -> AcousticBatch:
        """One padded batch."""
        size = self.options.utterances
        if not self.ready:
            pool = self.rng.choices(self.examples, k=size * self.POOL)
            pool.sort(key=lambda example: example.frames)
            self.ready = [pool[i : i + size] for i in range(0, len(pool), size)]
            self.rng.shuffle(self.ready)
        chosen = self.ready.pop()
        spoken = [self._waveform(e, e.frames) for e in chosen]
        others = [self.rng.choice(self.by_speaker[e.speaker]) for e in chosen]
        heard = [self._waveform(e, min(e.frames, self.options.reference_frames)) for e in others]
        device = self.spectrogram.window.device
        waveform, references = sent(padded(spoken), device), sent(padded(heard), device)
        batch = AcousticBatch(
            spectrogram=self.spectrogram(waveform),
            frames=torch.tensor([e.frames for e in chosen]),
            waveform=waveform[:, None],
            semantic_tokens=padded([e.tokens for e in chosen]),
            phoneme_ids=padded([e.phoneme_ids for e in chosen]),
            phoneme_lengths=torch.tensor([len(e.phoneme_ids) for e in chosen]),
            reference=self.spectrogram(references),
            reference_frames=torch.tensor([len(w) // self.hop for w in heard]),
        )
        return sent_batch(batch, device)

    def _waveform(self, example: AcousticExample, frames: int) -> Tensor:
        piece = self.audio[example.start : example.start + frames * self.hop]
        return torch.from_numpy(piece.astype(np.float32) / 32768)


def padded(rows: Sequence[Tensor]) -> Tensor:
    return nn.utils.rnn.pad_sequence(list(rows), batch_first=True)
