"""`python -m engine.training.starter`: rebuild the starter bundle from nothing.

Every step resumes where it was stopped. The two models train side by side, one process each.
"""

from __future__ import annotations

import logging
import multiprocessing
from pathlib import Path
from typing import Annotated

import torch
import typer

from engine.models.text_to_semantic import TextToSemantic
from engine.models.vits_decoder import VitsDecoder
from engine.training.acoustic_trainer import AcousticTrainer
from engine.training.semantic_trainer import train_text_to_semantic
from engine.training.starter import recipe
from engine.training.starter.content import train_content_encoder
from engine.training.starter.export import export_bundle
from engine.training.starter.generate import generate, load_audio
from engine.training.starter.tokens import (
    Tokenizer,
    fit_tokenizer,
    load_examples,
    prepare,
)

logger = logging.getLogger("starter")
Stage = Annotated[str, typer.Option(help="Only this: data, acoustic, semantic or export.")]


def main(
    work: Annotated[Path, typer.Option(help="Where data and checkpoints go.")] = Path(
        "data/starter"
    ),
    bundle: Annotated[Path, typer.Option(help="Where the bundle goes.")] = Path(
        "engine/bundles/starter"
    ),
    stage: Stage = "all",
    threads: Annotated[int, typer.Option(help="CPU threads of each process.")] = 1,
) -> None:
    """Speak, prepare, train and export, in that order."""
    _set_up(threads)
    if stage in ("all", "data"):
        _data(work)
    if stage == "all":
        _train_side_by_side(work, threads)
    if stage == "acoustic":
        train_acoustic(work)
    if stage == "semantic":
        train_semantic(work)
    if stage in ("all", "export"):
        export_bundle(work, bundle)


def _set_up(threads: int) -> None:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(processName)s %(message)s")
    torch.set_num_threads(threads)


def _data(work: Path) -> None:
    """Steps 1 to 3: speech, content encoder, codebook, examples."""
    generate(work / "speech", recipe.SPEAKERS, recipe.SEED)
    encoder = train_content_encoder(work / "speech", work / "content", recipe.CONTENT)
    path = work / "tokenizer.pt"
    if not path.exists():
        fitted = fit_tokenizer(work / "speech", encoder, recipe.SEED)
        torch.save(
            {"weight": fitted.weight, "bias": fitted.bias, "codebook": fitted.codebook}, path
        )
    prepare(work / "speech", work, encoder, load_tokenizer(work))


def load_tokenizer(work: Path) -> Tokenizer:
    """Read the tokenizer that the data step wrote."""
    return Tokenizer(**torch.load(work / "tokenizer.pt", weights_only=True))


def train_acoustic(work: Path) -> None:
    """Step 4: the acoustic decoder, on the frozen codebook."""
    decoder = VitsDecoder(recipe.acoustic_config(), training_parts=True)
    load_tokenizer(work).write_into(decoder)
    examples, audio = load_examples(work), load_audio(work / "speech")
    AcousticTrainer(decoder, examples, audio, work / "acoustic", recipe.ACOUSTIC).train()


def train_semantic(work: Path) -> None:
    """Step 5: the text-to-semantic model."""
    torch.manual_seed(recipe.SEMANTIC.seed)
    model = TextToSemantic(recipe.semantic_config())
    train_text_to_semantic(model, load_examples(work), work / "semantic", recipe.SEMANTIC)


def _train_side_by_side(work: Path, threads: int) -> None:
    context = multiprocessing.get_context("spawn")
    runs = [
        context.Process(target=_trained, args=(target, work, threads), name=name)
        for name, target in (("acoustic", train_acoustic), ("semantic", train_semantic))
    ]
    for run in runs:
        run.start()
    for run in runs:
        run.join()
    failed = [run.name for run in runs if run.exitcode]
    if failed:
        raise typer.Exit(1)


def _trained(target: object, work: Path, threads: int) -> None:
    _set_up(threads)
    target(work)  # type: ignore[operator]


if __name__ == "__main__":
    typer.run(main)
