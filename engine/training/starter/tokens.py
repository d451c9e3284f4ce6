"""Step 3: the codebook, and every utterance as phonemes and semantic tokens."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from rich.progress import track
from torch import Tensor, nn

from engine.models.hubert import HOP_SAMPLES, ContentEncoder
from engine.models.vits_decoder import VitsDecoder
from engine.text.frontend import TextFrontend
from engine.training.starter.content import PhoneNames, Recording, frames_of
from engine.training.starter.generate import Utterance, load_audio, load_utterances
from engine.voices.prompting import TAIL_SAMPLES

CLUSTERS = 512
CODEBOOK_UTTERANCES = 1600
ITERATIONS = 25


@dataclass(frozen=True, slots=True)
class Tokenizer:
    """Pairs of frames [2 D] -> D components -> the nearest of the codes.

    Attributes:
        weight: of the stride-2 convolution, [D, D, 2]; bias: [D].
        codebook: [codes, D].
    """

    weight: Tensor
    bias: Tensor
    codebook: Tensor

    def project(self, features: Tensor) -> Tensor:
        """Features [D, T] at 50 Hz -> [T // 2, D]."""
        return nn.functional.conv1d(features[None], self.weight, self.bias, stride=2)[0].mT

    def encode(self, features: Tensor) -> Tensor:
        """Features [D, T] at 50 Hz -> tokens [T // 2]."""
        return torch.cdist(self.project(features), self.codebook).argmin(-1)

    def write_into(self, decoder: VitsDecoder) -> None:
        """Make this the decoder's frozen quantizer."""
        with torch.no_grad():
            decoder.ssl_proj.load_state_dict({"weight": self.weight, "bias": self.bias})
            decoder.quantizer.codebook.copy_(self.codebook)


@dataclass(frozen=True, slots=True)
class Example:
    """An utterance for both trainings.

    `tokens` cover the speech, `tail` the silence after it (as in a prompt).
    """

    speaker: str
    start: int
    frames: int
    phoneme_ids: Tensor
    tokens: Tensor
    tail: Tensor


def fit_tokenizer(speech: Path, encoder: ContentEncoder, seed: int) -> Tokenizer:
    """Principal components of frame pairs, clustered, and one code for each phone.

    Clusters that mostly hold frames of one phone are merged into their mean. Fewer codes than
    clusters cost the acoustic decoder little, which reads the text too, and spare the small
    text-to-semantic model to tell apart what sounds alike.
    """
    utterances, audio = load_utterances(speech), load_audio(speech)
    phones = PhoneNames(utterances)
    rng = np.random.default_rng(seed)
    chosen = rng.choice(len(utterances), CODEBOOK_UTTERANCES, replace=False)
    rows, labels = [], []
    for i in track(chosen, "features for the codebook"):
        features = frames_of(encoder, _samples(utterances[i], audio))  # [D, T]
        n = features.shape[1] // 2
        rows.append(features[:, : 2 * n].reshape(-1, n, 2).permute(1, 0, 2))  # [T/2, D, 2]
        labels.append(phones.frame_targets(utterances[i])[: 2 * n].view(n, 2))
    pairs, label = torch.cat(rows), torch.cat(labels)
    flat, d = pairs.flatten(1), pairs.shape[1]
    mean = flat.mean(0)
    directions = torch.linalg.svd((flat - mean).T @ (flat - mean))[0][:, :d].T  # [D, 2 D]
    bias = -(directions @ mean)
    points = flat @ directions.T + bias
    codebook = _one_code_per_phone(points, label, seed)
    return Tokenizer(directions.view(d, d, 2), bias, codebook)


def prepare(speech: Path, folder: Path, encoder: ContentEncoder, tokenizer: Tokenizer) -> None:
    """Write `examples.pt`; does nothing if it is there."""
    path = folder / "examples.pt"
    if path.exists():
        return
    utterances, audio = load_utterances(speech), load_audio(speech)
    make = ExampleMaker(encoder, tokenizer, TextFrontend("v2"))
    rows = [
        asdict(make(u.speaker, u.language, u.text, _samples(u, audio), u.start))
        for u in track(utterances, "phonemes and tokens")
    ]
    folder.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    torch.save(rows, partial)
    partial.replace(path)


@dataclass(frozen=True, slots=True)
class ExampleMaker:
    """Turns a spoken text into an example."""

    encoder: ContentEncoder
    tokenizer: Tokenizer
    frontend: TextFrontend

    def __call__(
        self, speaker: str, language: str, text: str, samples: Recording, start: int = 0
    ) -> Example:
        """Return the example of int16 `samples` that lie at `start` of the recording."""
        padded = np.concatenate([samples, np.zeros(TAIL_SAMPLES, np.int16)])
        tokens = self.tokenizer.encode(frames_of(self.encoder, padded))
        own = len(samples) // (2 * HOP_SAMPLES)
        ids = torch.tensor(self.frontend.phonemes(text, language).phoneme_ids)
        return Example(speaker, start, 2 * own, ids, tokens[:own], tokens[own:])


def load_examples(folder: Path) -> list[Example]:
    """Read what `prepare` wrote."""
    return [Example(**row) for row in torch.load(folder / "examples.pt", weights_only=True)]


def _samples(utterance: Utterance, audio: Recording) -> Recording:
    return audio[utterance.start : utterance.start + utterance.length]


def _one_code_per_phone(points: Tensor, label: Tensor, seed: int) -> Tensor:
    """Points [n, D] with the phones of both their frames [n, 2] -> codebook [codes, D]."""
    centers = _k_means(points, CLUSTERS, seed)
    nearest = torch.cat([torch.cdist(p, centers).argmin(-1) for p in points.split(20000)])
    votes = torch.zeros(CLUSTERS, int(label.max()) + 1)
    for phones in label.T:
        votes.index_put_((nearest, phones), torch.ones(len(phones)), accumulate=True)
    phone, weight = votes.argmax(1), votes.sum(1, keepdim=True)
    codes = [centers[phone == p] * weight[phone == p] for p in phone.unique()]
    sizes = [weight[phone == p].sum() for p in phone.unique()]
    return torch.stack([code.sum(0) / size for code, size in zip(codes, sizes, strict=True)])


def _k_means(points: Tensor, k: int, seed: int) -> Tensor:
    """Lloyd's algorithm on [n, D] from k random points; an empty cluster takes a random point."""
    generator = torch.Generator().manual_seed(seed)
    centers = points[torch.randperm(len(points), generator=generator)[:k]].clone()
    for _ in track(range(ITERATIONS), "k-means"):
        nearest = torch.cat([torch.cdist(p, centers).argmin(-1) for p in points.split(20000)])
        counts = torch.bincount(nearest, minlength=k)
        sums = torch.zeros_like(centers).index_add_(0, nearest, points)
        centers = sums / counts.clamp(min=1)[:, None]
        empty = (counts == 0).nonzero()[:, 0]
        spare = torch.randint(len(points), (len(empty),), generator=generator)
        centers[empty] = points[spare]
    return centers
