"""Trains a VitsDecoder's vocoder alone, on latents that a posterior gives of the waveform."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from engine.audio.spectrogram import Spectrogram
from engine.models.vits_decoder import VitsDecoder
from engine.training.adversary import Adversary, MelDistance
from engine.training.placement import device_of, sent
from engine.training.run import Stateful, TrainingRun

CONTEXT_FRAMES = 2  # on both sides of a segment, so that its spectrum has its true surroundings


@dataclass(frozen=True, slots=True)
class VocoderOptions:
    """Length, rates and weights of the training."""

    steps: int = 6000
    hours: float = float("inf")
    batch: int = 12
    segment_frames: int = 24
    learning_rate: float = 5e-4
    final_learning_rate: float = 1e-4
    mel_weight: float = 45.0
    resolutions: tuple[tuple[int, int], ...] = ((1024, 80), (512, 64), (256, 32))
    adversarial_after: int = 400
    discriminator_width: float = 0.125
    seed: int = 17


def train_vocoder(
    decoder: VitsDecoder,
    audio: np.ndarray[tuple[int], np.dtype[np.int16]],
    folder: Path,
    options: VocoderOptions,
) -> None:
    """Train `decoder.dec` in place on `decoder.enc_q`'s latents, resuming what `folder` holds.

    The style is left out (its projection stays zero): log-mels say all that a vocoder needs.
    """
    o, config, device = options, decoder.config, device_of(decoder)
    torch.manual_seed(o.seed)
    decoder.dec.cond.requires_grad_(False)
    for parameter in decoder.dec.cond.parameters():
        nn.init.zeros_(parameter)
    adversary = Adversary(o.discriminator_width, o.learning_rate).to(device)
    distance = MelDistance(config.sample_rate_hz, o.resolutions).to(device)
    spectrogram = Spectrogram(config.filter_length, config.hop_length, config.filter_length)
    spectrogram.to(device)
    optimizer = torch.optim.AdamW(
        decoder.dec.parameters(), o.learning_rate, betas=(0.8, 0.99), eps=1e-9, fused=True
    )
    parts: dict[str, Stateful] = {
        "vocoder": decoder.dec,
        "discriminators": adversary.discriminators,
        "optimizer_g": optimizer,
        "optimizer_d": adversary.optimizer,
    }
    run = TrainingRun(folder, parts, o.steps, o.hours)
    rng = np.random.default_rng(o.seed + run.step)
    while not run.finished:
        rate = o.learning_rate * (o.final_learning_rate / o.learning_rate) ** run.progress
        for group in chain(optimizer.param_groups, adversary.optimizer.param_groups):
            group["lr"] = rate * min(1.0, (run.step + 1) / 100)
        z, real = _segments(decoder, spectrogram, audio, o, rng)
        fake = decoder.dec(z)
        losses = {"mel": o.mel_weight * distance(real, fake)}
        if run.step >= o.adversarial_after:
            losses |= adversary.losses(real, fake)
        wanted = [losses[n] for n in ("mel", "adversarial", "features") if n in losses]
        optimizer.zero_grad()
        torch.stack(wanted).sum().backward()
        nn.utils.clip_grad_norm_(decoder.dec.parameters(), 100.0)
        optimizer.step()
        run.advance({name: value.detach() for name, value in losses.items()})
        run.keep()


def _segments(
    decoder: VitsDecoder,
    spectrogram: Spectrogram,
    audio: np.ndarray[tuple[int], np.dtype[np.int16]],
    options: VocoderOptions,
    rng: np.random.Generator,
) -> tuple[Tensor, Tensor]:
    """Random segments: latents [B, C, frames] and waveform [B, 1, frames * hop]."""
    hop, frames = decoder.config.hop_length, options.segment_frames
    length = (frames + 2 * CONTEXT_FRAMES) * hop
    starts = rng.integers(len(audio) - length, size=options.batch)
    pieces = np.stack([audio[s : s + length] for s in starts]).astype(np.float32) / 32768
    waveform = sent(torch.from_numpy(pieces), spectrogram.window.device)
    inside = slice(CONTEXT_FRAMES, CONTEXT_FRAMES + frames)
    with torch.no_grad():
        magnitude = spectrogram(waveform)
        mean, log_std = decoder.enc_q(magnitude, torch.ones_like(magnitude[:, :1]), torch.empty(0))
    z = mean + torch.randn_like(mean) * log_std.exp()
    real = waveform[:, None, CONTEXT_FRAMES * hop : (CONTEXT_FRAMES + frames) * hop]
    return z[..., inside], real
