"""The commands, put together."""

from __future__ import annotations

import typer

from backend.cli.say import say
from backend.cli.serve import serve
from backend.cli.voices import voices
from backend.config import describe_settings

app = typer.Typer(
    name="gptsovits", no_args_is_help=True, add_completion=False, help="GPT-SoVITS over gRPC."
)
app.command(epilog=describe_settings())(serve)
app.command()(say)
app.add_typer(voices, name="voices")
