"""Step 3: the codebook, and every utterance as phonemes and semantic tokens."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
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

FITTED_UTTERANCES = 4000
CODEBOOK_STEPS = 3000
CODEBOOK_BATCH = 2048
CODEBOOK_RATE = 3e-3


@dataclass(frozen=True, slots=True)
class Tokenizer:
    """Pairs of frames [2 D] -> D components -> the nearest of the codes.

    Attributes:
        weight: of the stride-2 convolution, [D, D, 2]; bias: [D].
        codebook: [codes, D].
        pairs: int64 [codes], the pair of phones that a code stands for (`pair_targets`).
    """

    weight: Tensor
    bias: Tensor
    codebook: Tensor
    pairs: Tensor

    def project(self, features: Tensor) -> Tensor:
        """Features [D, T] at 50 Hz -> [T // 2, D]."""
        return nn.functional.conv1d(features[None], self.weight, self.bias, stride=2)[0].mT

    def encode(self, features: Tensor) -> Tensor:
        """Features [D, T] at 50 Hz -> tokens [T // 2]."""
        return torch.cdist(self.project(features), self.codebook).argmin(-1)

    def correct(self, heard: Tensor, spoken: Tensor) -> Tensor:
        """The codes of the `spoken` pairs [T], or what was `heard` [T] where a pair has none."""
        named = spoken[:, None] == self.pairs
        return torch.where(named.any(1), named.int().argmax(1), heard)

    def write_into(self, decoder: VitsDecoder) -> None:
        """Make this the decoder's frozen quantizer."""
        with torch.no_grad():
            decoder.ssl_proj.load_state_dict({"weight": self.weight, "bias": self.bias})
            decoder.quantizer.codebook.copy_(self.codebook)


@dataclass(frozen=True, slots=True)
class Example:
    """An utterance for both trainings.

    `tokens` name the phones that were spoken: what the models shall say. `heard` is what the
    content encoder makes of the same speech and `tail` of the silence after it: a prompt.
    """

    speaker: str
    start: int
    frames: int
    phoneme_ids: Tensor
    tokens: Tensor
    heard: Tensor
    tail: Tensor


def fit_tokenizer(speech: Path, encoder: ContentEncoder, codes: int, seed: int) -> Tokenizer:
    """One code for each of the commonest pairs of phones that two frames in a row can hold.

    Most pairs are one phone twice; the others tell where, to a frame, one phone ends and the
    next begins.
    """
    utterances, audio = load_utterances(speech), load_audio(speech)
    phones = PhoneNames(utterances)
    rng = np.random.default_rng(seed)
    chosen = rng.permutation(len(utterances))[:FITTED_UTTERANCES]
    rows, labels = [], []
    for i in track(chosen, "features for the codebook"):
        features = frames_of(encoder, _samples(utterances[i], audio))  # [D, T]
        n = features.shape[1] // 2
        rows.append(features[:, : 2 * n].reshape(-1, n, 2).permute(1, 0, 2))  # [T/2, D, 2]
        labels.append(phones.pair_targets(utterances[i])[:n])
    points, size = torch.cat(rows), rows[0].shape[1]
    return trained_codebook(points.flatten(1), torch.cat(labels), codes, size, seed)


def prepare(speech: Path, folder: Path, encoder: ContentEncoder, tokenizer: Tokenizer) -> None:
    """Write `examples.pt`; does nothing if it is there."""
    path = folder / "examples.pt"
    if path.exists():
        return
    utterances, audio = load_utterances(speech), load_audio(speech)
    make, phones = ExampleMaker(encoder, tokenizer, TextFrontend("v2")), PhoneNames(utterances)
    rows = []
    for u in track(utterances, "phonemes and tokens"):
        example = make(u.speaker, u.language, u.text, _samples(u, audio))
        tokens = tokenizer.correct(example.heard, phones.pair_targets(u)[: len(example.heard)])
        rows.append(asdict(replace(example, start=u.start, tokens=tokens)))
    folder.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    torch.save(rows, partial)
    partial.replace(path)


@dataclass(frozen=True, slots=True)
class ExampleMaker:
    """Turns a spoken text into an example whose tokens are those that were heard."""

    encoder: ContentEncoder
    tokenizer: Tokenizer
    frontend: TextFrontend

    def __call__(self, speaker: str, language: str, text: str, samples: Recording) -> Example:
        """Return the example of int16 `samples`."""
        padded = np.concatenate([samples, np.zeros(TAIL_SAMPLES, np.int16)])
        tokens = self.tokenizer.encode(frames_of(self.encoder, padded))
        own = len(samples) // (2 * HOP_SAMPLES)
        ids = torch.tensor(self.frontend.phonemes(text, language).phoneme_ids)
        heard = tokens[:own]
        return Example(speaker, 0, 2 * own, ids, heard, heard, tokens[own:])


def load_examples(folder: Path) -> list[Example]:
    """Read what `prepare` wrote."""
    return [Example(**row) for row in torch.load(folder / "examples.pt", weights_only=True)]


def _samples(utterance: Utterance, audio: Recording) -> Recording:
    return audio[utterance.start : utterance.start + utterance.length]


def trained_codebook(
    points: Tensor,
    label: Tensor,
    codes: int,
    dimensions: int,
    seed: int,
    steps: int = CODEBOOK_STEPS,
) -> Tokenizer:
    """Train a projection and a codebook whose nearest code tells the label.

    Points [n, 2 D], D components of two frames by turns, with labels [n] -> a tokenizer to
    `dimensions` of the commonest `codes` labels.

    Raises:
        ValueError: there are fewer labels than codes.
    """
    names, counts = label.unique(return_counts=True)
    if len(names) < codes:
        raise ValueError(f"{len(names)} pairs of phones are too few for {codes} codes")
    kept = names[counts.argsort(descending=True)[:codes]].sort().values
    common = torch.isin(label, kept)
    points, index = points[common], torch.searchsorted(kept, label[common])
    generator = torch.Generator().manual_seed(seed)
    center, scale = points.mean(0), points.std()
    weight = torch.randn(dimensions, points.shape[1], generator=generator) / points.shape[1] ** 0.5
    weight = (weight / scale).requires_grad_()
    sizes = torch.bincount(index, minlength=len(kept))[:, None]
    means = torch.zeros(len(kept), points.shape[1]).index_add_(0, index, points) / sizes
    codebook = ((means - center) @ weight.detach().T).requires_grad_()
    optimizer = torch.optim.Adam([weight, codebook], 1.0)
    for step in track(range(steps), "codebook"):
        optimizer.param_groups[0]["lr"] = CODEBOOK_RATE * (1 - step / steps)
        chosen = torch.randint(len(points), (CODEBOOK_BATCH,), generator=generator)
        projected = (points[chosen] - center) @ weight.T
        distances = projected.square().sum(1, keepdim=True) - 2 * projected @ codebook.T
        loss = nn.functional.cross_entropy(-distances - codebook.square().sum(1), index[chosen])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    weight, codebook = weight.detach(), codebook.detach()
    return Tokenizer(weight.view(dimensions, -1, 2), -(weight @ center), codebook, kept)
