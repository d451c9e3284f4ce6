"""`python -m engine models import-voice`: a fine-tuned voice in one command."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from engine.checkpoints.command import Mandarin, Models, Pretrained, errors_told, import_pair
from engine.pipeline.voice_import import SpokenBy, add_voice_or_remove, check_voice

Reference = Annotated[
    Path, typer.Option(exists=True, dir_okay=False, help="3 to 10 s of clear speech, a sound file.")
]
Consent = Annotated[
    Path, typer.Option(exists=True, dir_okay=False, help="The speaker saying that they agree.")
]


def import_voice(
    semantic: Annotated[Path, typer.Argument(help="The .ckpt, text to semantic tokens.")],
    acoustic: Annotated[Path, typer.Argument(help="The .pth, semantic tokens to sound.")],
    name: Annotated[str, typer.Option(help="The name of the bundle and of its voice.")],
    pretrained: Pretrained,
    reference: Reference,
    transcript: Annotated[str, typer.Option(help="The words of the reference recording.")],
    language: Annotated[str, typer.Option(help="The code of the language it speaks.")],
    speaker: Annotated[str, typer.Option(help="The name of the person who speaks.")],
    consent: Consent,
    consent_text: Annotated[str, typer.Option(help="The words of the recorded consent.")],
    models: Models = Path("data/models"),
    mandarin: Mandarin = True,
) -> None:
    """Make a bundle of a fine-tuned pair, with its speaker's voice in it."""
    voice = SpokenBy(name.lower(), speaker, language, reference, transcript, consent, consent_text)
    with errors_told():
        check_voice(voice)
    import_pair(semantic, acoustic, name, pretrained, models, mandarin)
    with errors_told():
        add_voice_or_remove(models / name, voice)
    print(f"voice {voice.voice_id}: python -m backend serve --bundle {models / name}")
