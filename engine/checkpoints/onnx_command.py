"""`python -m engine export-onnx`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from engine.checkpoints.onnx_export import export_onnx
from engine.errors import EngineError


def export(
    bundle: Annotated[Path, typer.Option(help="The bundle's folder.")],
    out: Annotated[Path, typer.Option(help="The folder to write to.")],
) -> None:
    """Write the networks of BUNDLE as ONNX graphs."""
    try:
        for path in export_onnx(bundle, out):
            typer.echo(f"{path}: {path.stat().st_size / 1e6:.1f} MB")
    except EngineError as error:
        typer.secho(f"error: {error}", err=True)
        raise typer.Exit(2) from error
