"""Trains a VitsDecoder's prior, flow and style on the latents of a fixed posterior."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import nn

from engine.audio.spectrogram import Spectrogram
from engine.models.vits_decoder import VitsDecoder
from engine.training.acoustic_batches import AcousticExample, BatchLoader, BatchOptions
from engine.training.acoustic_pass import encode
from engine.training.losses import kl_loss
from engine.training.placement import device_of
from engine.training.run import Stateful, TrainingRun


@dataclass(frozen=True, slots=True)
class PriorOptions:
    """Length and rates of the training."""

    steps: int = 4000
    hours: float = float("inf")
    batches: BatchOptions = field(default_factory=lambda: BatchOptions(utterances=10))
    learning_rate: float = 6e-4
    final_learning_rate: float = 5e-5
    seed: int = 19


def prior_networks(decoder: VitsDecoder) -> nn.ModuleList:
    """The parts of the decoder that this training changes."""
    return nn.ModuleList([decoder.enc_p, decoder.flow, decoder.ref_enc])


def train_prior(
    decoder: VitsDecoder,
    examples: Sequence[AcousticExample],
    audio: np.ndarray[tuple[int], np.dtype[np.int16]],
    folder: Path,
    options: PriorOptions,
) -> None:
    """Train in place what predicts `decoder.enc_q`'s latents, resuming what `folder` holds."""
    torch.manual_seed(options.seed)
    config, device = decoder.config, device_of(decoder)
    trained = prior_networks(decoder)
    optimizer = torch.optim.AdamW(
        trained.parameters(), options.learning_rate, betas=(0.8, 0.99), eps=1e-9, fused=True
    )
    parts: dict[str, Stateful] = {"prior": trained, "optimizer": optimizer}
    run = TrainingRun(folder, parts, options.steps, options.hours)
    rng = random.Random(options.seed + run.step)
    spectrogram = Spectrogram(config.filter_length, config.hop_length, config.filter_length)
    loader = BatchLoader(examples, audio, spectrogram.to(device), options.batches, rng)
    trained.train()
    while not run.finished:
        decay = (options.final_learning_rate / options.learning_rate) ** run.progress
        for group in optimizer.param_groups:
            group["lr"] = options.learning_rate * decay * min(1.0, (run.step + 1) / 200)
        batch = loader.draw()
        frames = batch.spectrogram.shape[-1]
        noise = torch.randn(len(batch.frames), config.inter_channels, frames, device=device)
        e = encode(decoder, batch, noise)
        kl = kl_loss(e.z_p, e.posterior_log_std, e.prior.mean, e.prior.log_std, e.mask)
        optimizer.zero_grad()
        kl.backward()
        nn.utils.clip_grad_norm_(trained.parameters(), 100.0)
        optimizer.step()
        run.advance({"kl": kl.detach()})
        run.keep()
    trained.eval()
