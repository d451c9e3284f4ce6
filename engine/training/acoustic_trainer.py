"""Trains a VitsDecoder with its discriminators.

Differs from the official training in what a small bundle from scratch needs:
- the style is read from another utterance of the same speaker, as in synthesis;
- every utterance is decoded twice, a segment from the posterior and another from the prior, so
  that the path that synthesis takes is trained for its sound too;
- the discriminators join when the spectrum is roughly right.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from torch import Tensor, nn

from engine.audio.spectrogram import MelConfig, MelSpectrogram
from engine.models.discriminators import Discriminators
from engine.models.vits_decoder import VitsDecoder
from engine.training.acoustic_pass import AcousticBatch, encode, prior_latents, slices
from engine.training.losses import adversarial_loss, discriminator_loss, feature_loss, kl_loss
from engine.training.run import Stateful, TrainingRun


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
class AcousticOptions:
    """Length, rates and weights of the training."""

    steps: int = 8000
    hours: float = float("inf")
    batch: int = 6
    segment_frames: int = 24
    longest_frames: int = 300
    reference_frames: int = 200
    learning_rate: float = 3e-4
    final_learning_rate: float = 3e-5
    mel_weight: float = 45.0
    kl_weight: float = 1.0
    prior_noise: float = 0.5
    adversarial_after: int = 600
    discriminator_width: float = 0.125
    mels: int = 80
    seed: int = 13


class AcousticTrainer:
    """Holds both networks, their optimizers and the run; `train` drives them to the end."""

    def __init__(
        self,
        decoder: VitsDecoder,
        examples: Sequence[AcousticExample],
        audio: np.ndarray[tuple[int], np.dtype[np.int16]],
        folder: Path,
        options: AcousticOptions,
    ) -> None:
        torch.manual_seed(options.seed)
        self.decoder, self.options = decoder, options
        config = decoder.config
        self.discriminators = Discriminators(width=options.discriminator_width)
        trained = [p for n, p in decoder.named_parameters() if not n.startswith("ssl_proj.")]
        adam = {"betas": (0.8, 0.99), "eps": 1e-9}
        self.optimizer_g = torch.optim.AdamW(trained, options.learning_rate, **adam)  # type: ignore[arg-type]
        self.optimizer_d = torch.optim.AdamW(
            self.discriminators.parameters(),
            options.learning_rate,
            **adam,  # type: ignore[arg-type]
        )
        self.mel = MelSpectrogram(
            MelConfig(
                config.sample_rate_hz,
                config.filter_length,
                config.hop_length,
                config.filter_length,
                options.mels,
            )
        )
        parts: dict[str, Stateful] = {
            "decoder": decoder,
            "discriminators": self.discriminators,
            "optimizer_g": self.optimizer_g,
            "optimizer_d": self.optimizer_d,
        }
        self.run = TrainingRun(folder, parts, options.steps, options.hours)
        rng = random.Random(options.seed + self.run.step)
        self.loader = _Loader(examples, audio, self.mel, options, rng)

    def train(self) -> None:
        """Run to the end, with a report every 50 and a checkpoint every 200 steps."""
        self.decoder.train()
        while not self.run.finished:
            self._set_rates()
            self.run.advance(self._step(self.loader.draw()))
            if self.run.step % 50 == 0 or self.run.finished:
                self.run.report()
            if self.run.step % 200 == 0 or self.run.finished:
                self.run.save()
        self.decoder.eval()

    def _set_rates(self) -> None:
        o = self.options
        warm = min(1.0, (self.run.step + 1) / 200)
        rate = o.learning_rate * (o.final_learning_rate / o.learning_rate) ** self.run.progress
        for group in chain(self.optimizer_g.param_groups, self.optimizer_d.param_groups):
            group["lr"] = rate * warm

    def _step(self, batch: AcousticBatch) -> dict[str, Tensor]:
        o = self.options
        shape = self._latent_shape(batch)
        encoded = encode(self.decoder, batch, torch.randn(shape))
        from_prior = prior_latents(self.decoder, encoded, torch.randn(shape), o.prior_noise)
        hop = self.decoder.config.hop_length
        latents, frames, spectrogram, waveform, style = (
            torch.cat(pair)
            for pair in (
                (encoded.z, from_prior),
                (batch.frames, batch.frames),
                (batch.spectrogram, batch.spectrogram),
                (batch.waveform, batch.waveform),
                (encoded.style, encoded.style),
            )
        )
        starts = (torch.rand(len(frames)) * (frames - o.segment_frames + 1)).long()
        fake = self.decoder.dec(slices(latents, starts, o.segment_frames), style)
        real = slices(waveform, starts, o.segment_frames, hop)
        wanted = slices(self.mel.from_magnitude(spectrogram), starts, o.segment_frames)
        mel = (wanted - self.mel(fake[:, 0])).abs().mean() * o.mel_weight
        kl = o.kl_weight * kl_loss(
            encoded.z_p,
            encoded.posterior_log_std,
            encoded.prior.mean,
            encoded.prior.log_std,
            encoded.mask,
        )
        losses = {"mel": mel, "kl": kl}
        if self.run.step >= o.adversarial_after:
            losses |= self._adversarial(real, fake)
        total = mel + kl + sum(losses[n] for n in ("adversarial", "features") if n in losses)
        self.optimizer_g.zero_grad()
        total.backward()
        nn.utils.clip_grad_norm_(self.decoder.parameters(), 100.0)
        self.optimizer_g.step()
        return {name: value.detach() for name, value in losses.items()}

    def _latent_shape(self, batch: AcousticBatch) -> tuple[int, int, int]:
        b, _, t = batch.spectrogram.shape
        return b, self.decoder.config.inter_channels, t

    def _adversarial(self, real: Tensor, fake: Tensor) -> dict[str, Tensor]:
        """Train the discriminators, then judge the speech for the generator."""
        judge = self.discriminators
        loss = discriminator_loss(judge(real), judge(fake.detach()))
        self.optimizer_d.zero_grad()
        loss.backward()
        self.optimizer_d.step()
        judge.requires_grad_(False)
        judged = judge(fake)
        with torch.no_grad():
            truth = judge(real)
        judge.requires_grad_(True)
        return {
            "adversarial": adversarial_loss(judged),
            "features": feature_loss(truth, judged),
            "discriminator": loss,
        }


class _Loader:
    """Draws batches of similar length, with references of the same speakers."""

    POOL = 16

    def __init__(
        self,
        examples: Sequence[AcousticExample],
        audio: np.ndarray[tuple[int], np.dtype[np.int16]],
        mel: MelSpectrogram,
        options: AcousticOptions,
        rng: random.Random,
    ) -> None:
        self.examples = [
            e for e in examples if options.segment_frames < e.frames <= options.longest_frames
        ]
        self.audio, self.mel, self.options, self.rng = audio, mel, options, rng
        self.hop = mel.config.hop_samples
        self.by_speaker: dict[str, list[AcousticExample]] = defaultdict(list)
        for example in self.examples:
            self.by_speaker[example.speaker].append(example)
        self.ready: list[list[AcousticExample]] = []

    def draw(self) -> AcousticBatch:
        """One padded batch."""
        size = self.options.batch
        if not self.ready:
            pool = self.rng.sample(self.examples, size * self.POOL)
            pool.sort(key=lambda example: example.frames)
            self.ready = [pool[i : i + size] for i in range(0, len(pool), size)]
            self.rng.shuffle(self.ready)
        chosen = self.ready.pop()
        spoken = [self._waveform(e, e.frames) for e in chosen]
        others = [self.rng.choice(self.by_speaker[e.speaker]) for e in chosen]
        heard = [self._waveform(e, min(e.frames, self.options.reference_frames)) for e in others]
        waveform, references = _padded(spoken), _padded(heard)
        return AcousticBatch(
            spectrogram=self.mel.spectrogram(waveform),
            frames=torch.tensor([e.frames for e in chosen]),
            waveform=waveform[:, None],
            semantic_tokens=_padded([e.tokens for e in chosen]),
            phoneme_ids=_padded([e.phoneme_ids for e in chosen]),
            phoneme_lengths=torch.tensor([len(e.phoneme_ids) for e in chosen]),
            reference=self.mel.spectrogram(references),
            reference_frames=torch.tensor([len(w) // self.hop for w in heard]),
        )

    def _waveform(self, example: AcousticExample, frames: int) -> Tensor:
        piece = self.audio[example.start : example.start + frames * self.hop]
        return torch.from_numpy(piece.astype(np.float32) / 32768)


def _padded(rows: Sequence[Tensor]) -> Tensor:
    return nn.utils.rnn.pad_sequence(list(rows), batch_first=True)
