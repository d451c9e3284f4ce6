"""`python -m engine.training.starter`: rebuild the starter bundle from nothing.

1. data: speech, content encoder, codebook, every utterance as phonemes and tokens.
2. semantic, vocoder, prior: three trainings that need nothing of each other, side by side.
3. tuning: the vocoder goes on with the latents that the trained prior predicts.
4. export: the bundle and its voices.

Every step resumes where it was stopped.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from engine.training.starter.export import export_bundle
from engine.training.starter.stages import (
    SIDE_BY_SIDE,
    Stage,
    make_data,
    set_up,
    train_side_by_side,
    tune_vocoder,
)


def main(
    work: Annotated[Path, typer.Option(help="Where data and checkpoints go.")] = Path(
        "data/starter"
    ),
    bundle: Annotated[Path, typer.Option(help="Where the bundle goes.")] = Path(
        "engine/bundles/starter"
    ),
    stage: Annotated[Stage, typer.Option(help="Only this stage.")] = Stage.ALL,
    threads: Annotated[int, typer.Option(help="CPU threads of each process.")] = 1,
) -> None:
    """Speak, prepare, train and export, in that order."""
    set_up(threads)
    everything = stage == Stage.ALL
    if stage == Stage.DATA or everything:
        make_data(work)
    if everything:
        train_side_by_side(work, threads)
    for name, train in {**SIDE_BY_SIDE, Stage.TUNING: tune_vocoder}.items():
        if stage == name or (everything and name == Stage.TUNING):
            train(work)
    if stage == Stage.EXPORT or everything:
        export_bundle(work, bundle)


if __name__ == "__main__":
    typer.run(main)
