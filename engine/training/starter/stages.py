"""The stages of the starter's training, each a function of the work folder and the recipe.

Every stage resumes where it was stopped, and does nothing when it is done.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import asdict
from enum import StrEnum
from functools import partial
from pathlib import Path
from types import MappingProxyType

import numpy as np
import torch

from engine.models.text_to_semantic import TextToSemantic
from engine.models.vits_decoder import VitsDecoder
from engine.text.frontend import TextFrontend
from engine.training.parallel import Job, run_jobs
from engine.training.prior_trainer import prior_networks, train_prior
from engine.training.run import load_checkpoint
from engine.training.semantic_trainer import train_text_to_semantic
from engine.training.starter.content import train_content_encoder
from engine.training.starter.generate import generate, load_audio, speak
from engine.training.starter.latents import fitted_posterior
from engine.training.starter.recipe import (
    CODES,
    REFERENCE_TEXTS,
    Recipe,
    acoustic_config,
    semantic_config,
)
from engine.training.starter.tokens import (
    Example,
    ExampleMaker,
    Tokenizer,
    fit_tokenizer,
    load_examples,
    prepare,
)
from engine.training.vocoder_trainer import train_vocoder


class Stage(StrEnum):
    """What to run."""

    SPEECH = "speech"
    TOKENS = "tokens"
    VOCODER = "vocoder"
    SEMANTIC = "semantic"
    PRIOR = "prior"


def set_up(threads: int) -> None:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(processName)s %(message)s")
    torch.set_num_threads(threads)


def make_speech(work: Path, recipe: Recipe, device: torch.device) -> None:
    """Let the free synthesizers speak."""
    generate(work / "speech", recipe.speakers, recipe.seed)


def make_tokens(work: Path, recipe: Recipe, device: torch.device) -> None:
    """Train the content encoder, fit the codebook, and write the examples."""
    encoder = train_content_encoder(work / "speech", work / "content", recipe.content, device)
    path = work / "tokenizer.pt"
    if not path.exists():
        fitted = fit_tokenizer(work / "speech", encoder, CODES, recipe.seed)
        torch.save(asdict(fitted), path)
    prepare(work / "speech", work, encoder, load_tokenizer(work))


def load_tokenizer(work: Path) -> Tokenizer:
    """Read the tokenizer that the tokens stage wrote."""
    return Tokenizer(**torch.load(work / "tokenizer.pt", weights_only=True))


def new_decoder(work: Path, recipe: Recipe) -> VitsDecoder:
    """An untrained decoder with log-mels for a posterior."""
    torch.manual_seed(recipe.seed)
    decoder = VitsDecoder(acoustic_config())
    decoder.enc_q = fitted_posterior(decoder.config, load_audio(work / "speech"))
    return decoder


def train_vocoder_alone(work: Path, recipe: Recipe, device: torch.device) -> None:
    """Train the vocoder on log-mels."""
    decoder, audio = new_decoder(work, recipe).to(device), load_audio(work / "speech")
    train_vocoder(decoder, audio, work / "vocoder", recipe.vocoder)


def train_semantic(work: Path, recipe: Recipe, device: torch.device) -> None:
    """Train the text-to-semantic model."""
    torch.manual_seed(recipe.seed)
    model = TextToSemantic(semantic_config()).to(device)
    examples, anchors = load_examples(work), _anchors(work, recipe, device)
    train_text_to_semantic(model, examples, work / "semantic", recipe.semantic, anchors)


def _anchors(work: Path, recipe: Recipe, device: torch.device) -> dict[str, Example]:
    """The references of the built-in voices, as synthesis will hear them."""
    encoder = train_content_encoder(work / "speech", work / "content", recipe.content, device)
    make = ExampleMaker(encoder, load_tokenizer(work), TextFrontend("v2"))
    anchors = {}
    for speaker in recipe.speakers:
        text = REFERENCE_TEXTS[speaker.language]
        samples = (speak(speaker, text).audio.samples * 32767).astype(np.int16)
        anchors[speaker.name] = make(speaker.name, speaker.language, text, samples)
    return anchors


def train_prior_alone(work: Path, recipe: Recipe, device: torch.device) -> None:
    """Train what predicts log-mels from tokens, text and style."""
    decoder = new_decoder(work, recipe)
    load_tokenizer(work).write_into(decoder)
    examples, audio = load_examples(work), load_audio(work / "speech")
    train_prior(decoder.to(device), examples, audio, work / "prior", recipe.prior)


def trained_decoder(work: Path, recipe: Recipe) -> VitsDecoder:
    """The decoder of all trained parts."""
    decoder = new_decoder(work, recipe)
    load_tokenizer(work).write_into(decoder)
    decoder.dec.load_state_dict(load_checkpoint(work / "vocoder")["vocoder"])
    prior_networks(decoder).load_state_dict(load_checkpoint(work / "prior")["prior"])
    return decoder


STAGES: Mapping[Stage, Callable[[Path, Recipe, torch.device], None]] = MappingProxyType(
    {
        Stage.SPEECH: make_speech,
        Stage.TOKENS: make_tokens,
        Stage.VOCODER: train_vocoder_alone,
        Stage.SEMANTIC: train_semantic,
        Stage.PRIOR: train_prior_alone,
    }
)
NEEDS: Mapping[Stage, tuple[Stage, ...]] = MappingProxyType(
    {
        Stage.SPEECH: (),
        Stage.TOKENS: (Stage.SPEECH,),
        Stage.VOCODER: (Stage.SPEECH,),
        Stage.SEMANTIC: (Stage.TOKENS,),
        Stage.PRIOR: (Stage.TOKENS,),
    }
)  # what must be done before each


def run_stages(
    work: Path, recipe: Recipe, device: torch.device, processes: int, threads: int
) -> None:
    """Run all stages, up to `processes` at a time, the trainings on a device.

    Raises:
        RuntimeError: one of them failed.
    """
    jobs = {
        stage: Job(partial(_run, stage, work, recipe, device, threads), needs)
        for stage, needs in NEEDS.items()
    }
    run_jobs(jobs, processes)


def _run(stage: Stage, work: Path, recipe: Recipe, device: torch.device, threads: int) -> None:
    set_up(threads)
    STAGES[stage](work, recipe, device)
