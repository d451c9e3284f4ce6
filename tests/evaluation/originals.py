"""Speech of the synthesizers that the starter's voices were taught with."""

from __future__ import annotations

import re
import subprocess
import tempfile
from pathlib import Path

import soundfile

from engine.training.starter.recipe import SPEAKERS
from engine.types import Audio


def program_voices() -> dict[str, str]:
    """Return flite's voice for each English voice of the starter."""
    return {s.name: s.voice for s in SPEAKERS if s.synthesizer == "flite"}


def speak_original(program_voice: str, text: str) -> Audio:
    """Return `text` spoken by flite's `program_voice`, or by espeak-ng for `espeak:<voice>`.

    Raises:
        ValueError: the voice's name is not a plain word.
        subprocess.CalledProcessError: the program failed or does not know the voice.
        FileNotFoundError: the program is not installed.
    """
    if not re.fullmatch(r"(espeak:)?[\w+-]+", program_voice):
        raise ValueError(f"not a voice's name: {program_voice!r}")
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "speech.wav"
        subprocess.run(_command(program_voice, text, target), check=True, capture_output=True)
        samples, rate = soundfile.read(target, dtype="float32")
    return Audio(samples, rate)


def _command(program_voice: str, text: str, target: Path) -> list[str]:
    if program_voice.startswith("espeak:"):
        voice = program_voice.removeprefix("espeak:")
        return ["espeak-ng", "-v", voice, "-w", str(target), "--", text]
    return ["flite", "-voice", program_voice, "-t", text, "-o", str(target)]
