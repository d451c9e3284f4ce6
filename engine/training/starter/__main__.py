"""`python -m engine.training.starter`: rebuild the starter bundle from nothing.

1. speech: free synthesizers speak texts.
2. tokens: content encoder, codebook, every utterance as phonemes and tokens; vocoder: log-mels
   to sound. Side by side.
3. semantic: text to tokens; prior: tokens and text to log-mels. Side by side.
4. tuning: the vocoder goes on with the log-mels that the trained prior predicts.
5. export: the bundle and its voices.

Every step resumes where it was stopped.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from engine.training.starter.export import export_bundle
from engine.training.starter.recipe import RECIPE
from engine.training.starter.stages import ORDER, STAGES, Stage, run_side_by_side, set_up


def main(
    work: Annotated[Path, typer.Option(help="Where data and checkpoints go.")] = Path(
        "data/starter"
    ),
    bundle: Annotated[Path, typer.Option(help="Where the bundle goes.")] = Path(
        "engine/bundles/starter"
    ),
    stage: Annotated[Stage | None, typer.Option(help="Only this stage, without export.")] = None,
    threads: Annotated[int, typer.Option(help="CPU threads of each process.")] = 1,
    share: Annotated[
        float, typer.Option(min=0, max=1, help="Of the steps; below 1 a rehearsal.")
    ] = 1.0,
) -> None:
    """Speak, prepare, train and export, in that order."""
    set_up(threads)
    recipe = RECIPE.shortened(share)
    if stage:
        STAGES[stage](work, recipe)
        return
    for stages in ORDER:
        if len(stages) == 1:
            STAGES[stages[0]](work, recipe)
        else:
            run_side_by_side(work, recipe, stages, threads)
    export_bundle(work, bundle)


if __name__ == "__main__":
    typer.run(main)
