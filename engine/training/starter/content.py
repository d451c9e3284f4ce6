"""Step 2: a small HuBERT-shaped content encoder, and the codebook of its features.

Speech from a synthesizer comes with its phones, so the encoder is trained to name the phone of
every frame. Its last hidden layer then separates phones, from which the codebook is made.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from engine.models.hubert import HOP_SAMPLES, SAMPLE_RATE_HZ, ContentEncoder, HubertSizes
from engine.training.placement import device_of, sent
from engine.training.run import Stateful, TrainingRun
from engine.training.starter.generate import Utterance, load_audio, load_utterances
from engine.training.starter.speech import PAUSE

logger = logging.getLogger(__name__)

Recording = np.ndarray[tuple[int], np.dtype[np.int16]]
CROP_FRAMES = 100
FRAME_PAD = 80  # samples that make T samples give T // 320 frames
CONTENT_CONFIG = {
    "hidden_size": 128,
    "num_hidden_layers": 4,
    "num_attention_heads": 4,
    "intermediate_size": 384,
    "conv_dim": (64,) * 7,
    "num_conv_pos_embeddings": 31,
    "num_conv_pos_embedding_groups": 8,
    "hidden_dropout": 0.05,
    "attention_dropout": 0.05,
    "activation_dropout": 0.0,
    "feat_proj_dropout": 0.0,
    "layerdrop": 0.0,
}


@dataclass(frozen=True, slots=True)
class ContentOptions:
    """Length and rate of the training."""

    steps: int = 1500
    hours: float = float("inf")
    batch: int = 16
    learning_rate: float = 1e-3
    seed: int = 7


class PhoneNames:
    """Numbers the phones of all languages; pauses are one phone."""

    def __init__(self, utterances: Sequence[Utterance]) -> None:
        names = {_label(u.language, phone) for u in utterances for phone, _ in u.phones}
        self.names = sorted(names)
        self._ids = {name: i for i, name in enumerate(self.names)}

    def frame_targets(self, utterance: Utterance) -> Tensor:
        """The phone at the middle of each frame, int64 [length // 320]."""
        ends = np.array([end for _, end in utterance.phones])
        ids = np.array([self._ids[_label(utterance.language, p)] for p, _ in utterance.phones])
        frames = utterance.length // HOP_SAMPLES
        middle = (np.arange(frames) * HOP_SAMPLES + 200) / SAMPLE_RATE_HZ
        return torch.from_numpy(ids[np.searchsorted(ends, middle).clip(max=len(ids) - 1)])

    def pair_targets(self, utterance: Utterance) -> Tensor:
        """The phones of each two frames as one number, int64 [length // 640]."""
        frames = self.frame_targets(utterance)
        first, second = frames[: len(frames) // 2 * 2].view(-1, 2).T
        return first * len(self.names) + second


def train_content_encoder(
    speech: Path, folder: Path, options: ContentOptions, device: torch.device
) -> ContentEncoder:
    """Train, or resume, on a device; returns the encoder there, in evaluation mode."""
    torch.manual_seed(options.seed)
    utterances, audio = load_utterances(speech), load_audio(speech)
    phones = PhoneNames(utterances)
    targets = [phones.frame_targets(u) for u in utterances]
    encoder = ContentEncoder(CONTENT_CONFIG).to(device)
    head = nn.Linear(HubertSizes.read(CONTENT_CONFIG).hidden_size, len(phones.names)).to(device)
    parameters = [*encoder.parameters(), *head.parameters()]
    optimizer = torch.optim.AdamW(parameters, options.learning_rate, weight_decay=0.01, fused=True)
    parts: dict[str, Stateful] = {"encoder": encoder, "head": head, "optimizer": optimizer}
    run = TrainingRun(folder, parts, options.steps, options.hours)
    rng = np.random.default_rng(options.seed + run.step)
    while not run.finished:
        warm = min(1.0, (run.step + 1) / 100)
        for group in optimizer.param_groups:
            group["lr"] = options.learning_rate * warm * (1 - 0.95 * run.progress)
        crops = _crops(utterances, targets, audio, options.batch, rng)
        waves, wanted = (sent(each, device) for each in crops)
        logits = head(encoder(waves).mT)  # [B, F, phones]
        loss = F.cross_entropy(logits.flatten(0, 1), wanted.flatten())
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        right = (logits.argmax(-1) == wanted).float().mean()
        run.advance({"loss": loss.detach(), "accuracy": right})
        run.keep()
    return encoder.eval()


def frames_of(encoder: ContentEncoder, samples: Recording) -> Tensor:
    """Content features [D, T // 320] of int16 samples at 16 kHz, on the host."""
    wave = torch.from_numpy(samples.astype(np.float32) / 32768).to(device_of(encoder))
    with torch.inference_mode():
        return encoder(F.pad(wave, (0, FRAME_PAD))[None])[0].cpu()


def _label(language: str, phone: str) -> str:
    return PAUSE if phone == PAUSE else f"{language}:{phone}"


def _crops(
    utterances: Sequence[Utterance],
    targets: Sequence[Tensor],
    audio: Recording,
    batch: int,
    rng: np.random.Generator,
) -> tuple[Tensor, Tensor]:
    """Random crops [B, T] at random loudness and their targets [B, F]; short ones end in pause."""
    size = CROP_FRAMES * HOP_SAMPLES
    waves = np.zeros((batch, size + FRAME_PAD), np.float32)
    wanted = torch.full((batch, CROP_FRAMES), -100)
    for row in range(batch):
        i = int(rng.integers(len(utterances)))
        u, target = utterances[i], targets[i]
        first = int(rng.integers(max(1, len(target) - CROP_FRAMES + 1)))
        begin = first * HOP_SAMPLES
        piece = audio[u.start + begin : u.start + min(u.length, begin + size + FRAME_PAD)]
        waves[row, : len(piece)] = piece.astype(np.float32) / 32768 * rng.uniform(0.3, 1.3)
        part = target[first : first + CROP_FRAMES]
        wanted[row, : len(part)] = part
    return torch.from_numpy(waves), wanted
