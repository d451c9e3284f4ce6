"""Trains a whole VitsDecoder with its discriminators.

Differs from the official training in what a small bundle from scratch needs:
- the style is read from another utterance of the same speaker, as in synthesis;
- every utterance is decoded twice, a segment from the posterior and another from the prior, so
  that the path that synthesis takes is trained for its sound too.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from engine.audio.spectrogram import Spectrogram
from engine.models.vits_decoder import VitsDecoder
from engine.training.acoustic_batches import AcousticExample, BatchLoader, BatchOptions
from engine.training.acoustic_pass import AcousticBatch, encode, prior_latents, slices
from engine.training.adversary import Adversary, MelDistance
from engine.training.losses import kl_loss
from engine.training.placement import device_of
from engine.training.run import Stateful, TrainingRun


@dataclass(frozen=True, slots=True)
class AcousticOptions:
    """Length, rates and weights of the training.

    `frozen`: beginnings of the names of parameters that stay as they are.
    """

    steps: int = 1200
    hours: float = float("inf")
    batches: BatchOptions = field(default_factory=BatchOptions)
    segment_frames: int = 24
    learning_rate: float = 3e-4
    final_learning_rate: float = 3e-5
    mel_weight: float = 45.0
    resolutions: tuple[tuple[int, int], ...] = ((1024, 80),)
    kl_weight: float = 1.0
    prior_noise: float = 0.5
    adversarial_after: int = 0
    discriminator_width: float = 0.125
    frozen: tuple[str, ...] = ("ssl_proj.",)
    seed: int = 13


class AcousticTrainer:
    """Holds the networks, their optimizers and the run; `train` drives them to the end."""

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
        config, device = decoder.config, device_of(decoder)
        self.adversary = Adversary(options.discriminator_width, options.learning_rate).to(device)
        self.distance = MelDistance(config.sample_rate_hz, options.resolutions).to(device)
        for name, parameter in decoder.named_parameters():
            parameter.requires_grad_(not name.startswith(options.frozen))
        trained = [p for p in decoder.parameters() if p.requires_grad]
        self.optimizer = torch.optim.AdamW(
            trained, options.learning_rate, betas=(0.8, 0.99), eps=1e-9, fused=True
        )
        parts: dict[str, Stateful] = {
            "decoder": decoder,
            "discriminators": self.adversary.discriminators,
            "optimizer_g": self.optimizer,
            "optimizer_d": self.adversary.optimizer,
        }
        self.run = TrainingRun(folder, parts, options.steps, options.hours)
        n_fft, hop = config.filter_length, config.hop_length
        seed = options.seed + self.run.step
        torch.manual_seed(seed)
        rng = random.Random(seed)
        spectrogram = Spectrogram(n_fft, hop, n_fft)
        self.loader = BatchLoader(examples, audio, spectrogram.to(device), options.batches, rng)

    def train(self) -> None:
        """Run to the end, with a report every 50 and a checkpoint every 200 steps."""
        self.decoder.train()
        while not self.run.finished:
            self._set_rates()
            self.run.advance(self._step(self.loader.draw()))
            self.run.keep()
        self.decoder.eval()

    def _set_rates(self) -> None:
        o = self.options
        warm = min(1.0, (self.run.step + 1) / 100)
        rate = o.learning_rate * (o.final_learning_rate / o.learning_rate) ** self.run.progress
        optimizers = (self.optimizer, self.adversary.optimizer)
        for group in chain.from_iterable(optimizer.param_groups for optimizer in optimizers):
            group["lr"] = rate * warm

    def _step(self, batch: AcousticBatch) -> dict[str, Tensor]:
        o, config, device = self.options, self.decoder.config, batch.waveform.device
        shape = (len(batch.frames), config.inter_channels, batch.spectrogram.shape[-1])
        e = encode(self.decoder, batch, torch.randn(shape, device=device))
        noise = torch.randn(shape, device=device)
        from_prior = prior_latents(self.decoder, e, noise, o.prior_noise)
        latents = torch.cat([e.z, from_prior])
        frames, waveform, style = (
            torch.cat([once, once]) for once in (batch.frames, batch.waveform, e.style)
        )
        starts = (torch.rand(len(frames), device=device) * (frames - o.segment_frames + 1)).long()
        fake = self.decoder.dec(slices(latents, starts, o.segment_frames), style)
        real = slices(waveform, starts, o.segment_frames, config.hop_length)
        kl = kl_loss(e.z_p, e.posterior_log_std, e.prior.mean, e.prior.log_std, e.mask)
        losses = {"mel": o.mel_weight * self.distance(real, fake), "kl": o.kl_weight * kl}
        if self.run.step >= o.adversarial_after:
            losses |= self.adversary.losses(real, fake)
        wanted = [losses[n] for n in ("mel", "kl", "adversarial", "features") if n in losses]
        self.optimizer.zero_grad()
        torch.stack(wanted).sum().backward()
        nn.utils.clip_grad_norm_(self.decoder.parameters(), 100.0)
        self.optimizer.step()
        return {name: value.detach() for name, value in losses.items()}
