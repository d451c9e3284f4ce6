"""`python -m engine.training.starter`: rebuild the starter bundle from nothing.

1. speech: free synthesizers speak texts.
2. tokens: content encoder, codebook, every utterance as phonemes and tokens.
3. vocoder: log-mels to sound.
4. prior: tokens and text to log-mels.
5. semantic: text to tokens.
6. export: the bundle and its voices.

Steps that need nothing of each other run side by side; every step resumes where it was stopped.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from engine.device import pick_device
from engine.training.starter.export import export_bundle
from engine.training.starter.recipe import RECIPE
from engine.training.starter.stages import STAGES, Stage, run_stages, set_up


def main(
    work: Annotated[Path, typer.Option(help="Where data and checkpoints go.")] = Path(
        "data/starter"
    ),
    bundle: Annotated[Path, typer.Option(help="Where the bundle goes.")] = Path(
        "engine/bundles/starter"
    ),
    stage: Annotated[Stage | None, typer.Option(help="Only this stage, without export.")] = None,
    device: Annotated[str, typer.Option(help="Of the trainings: auto, cpu, cuda.")] = "auto",
    processes: Annotated[int, typer.Option(help="Stages at a time.")] = 2,
    threads: Annotated[int, typer.Option(help="CPU threads of each process.")] = 1,
    share: Annotated[
        float, typer.Option(min=0, max=1, help="Of the steps; below 1 a rehearsal.")
    ] = 1.0,
) -> None:
    """Speak, prepare, train and export."""
    set_up(threads)
    recipe, where = RECIPE.shortened(share), pick_device(device)
    if stage:
        STAGES[stage](work, recipe, where)
        return
    run_stages(work, recipe, where, processes, threads)
    export_bundle(work, bundle, recipe)


if __name__ == "__main__":
    typer.run(main)
