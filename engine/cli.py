"""`python -m engine say` speaks without any server; `models` keeps the bundles."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from types import MappingProxyType
from typing import Annotated

import numpy as np
import torch
import typer
from rich.progress import Progress

from engine.audio.files import encode_wav
from engine.checkpoints.command import commands as models_commands
from engine.checkpoints.onnx_command import export
from engine.errors import EngineError, InputError
from engine.pipeline.bundle import Bundle, BundledVoice, load_bundle
from engine.pipeline.synthesizer import stream
from engine.pipeline.voice_command import import_voice
from engine.text.subtitles import SubtitleFormat
from engine.text.subtitles import subtitles as write_subtitles
from engine.types import (
    Audio,
    SentenceTiming,
    SynthesisOptions,
    SynthesisRequest,
    TimestampDetail,
)

STARTER = Path(__file__).parent / "bundles" / "starter"
SUBTITLE_FORMATS = MappingProxyType({f".{form.value}": form for form in SubtitleFormat})
application = typer.Typer(no_args_is_help=True, add_completion=False)
models_commands.command("import-voice")(import_voice)
application.add_typer(models_commands, name="models")
application.command("export-onnx")(export)


@application.callback()
def main() -> None:
    """GPT-SoVITS speech without a server."""


@application.command()
def say(
    text: Annotated[str, typer.Option(help="What to say.")],
    language: Annotated[str, typer.Option(help="Its code, such as en, zh or fr; or auto.")] = "en",
    voice: Annotated[str, typer.Option(help="A voice of the bundle; empty takes the first.")] = "",
    out: Annotated[Path, typer.Option(help="The WAV file to write.")] = Path("out/speech.wav"),
    bundle: Annotated[Path, typer.Option(help="The bundle's folder.")] = STARTER,
    seed: Annotated[int | None, typer.Option(help="The same seed speaks the same again.")] = None,
    sample_steps: Annotated[
        int | None, typer.Option(help="Of v3 and v4: fewer are faster and rougher.")
    ] = None,
    subtitles: Annotated[
        Path | None, typer.Option(help="A .srt or .vtt file to write beside it.")
    ] = None,
    threads: Annotated[int, typer.Option(help="CPU threads; 0 takes what is fastest.")] = 0,
) -> None:
    """Speak TEXT into a WAV file."""
    if threads:
        torch.set_num_threads(threads)
    if subtitles is not None and subtitles.suffix.lower() not in SUBTITLE_FORMATS:
        raise typer.BadParameter(f"{subtitles} must end with .srt or .vtt")
    try:
        loaded = load_bundle(bundle)
        if not threads:
            torch.set_num_threads(loaded.best_threads)
        chosen = _voice(loaded, voice, language)
        options = SynthesisOptions(seed=seed, sample_steps=sample_steps)
        wanted = TimestampDetail.WORD if subtitles else TimestampDetail.NONE
        request = SynthesisRequest(text, language, chosen.prompt, options, wanted)
        timings = _speak(loaded, request, out)
        if subtitles is not None:
            _write_subtitles(timings, subtitles)
    except EngineError as error:
        print(f"error: {error}", file=sys.stderr)
        raise typer.Exit(2) from error


def _voice(bundle: Bundle, voice: str, language: str) -> BundledVoice:
    """The voice asked for, or the first that speaks the language by birth."""
    voices = bundle.builtin_voices
    if voice and voice not in voices:
        raise InputError(f"voice {voice!r} is not in the bundle; known: {', '.join(voices)}")
    native = (v for v in voices.values() if v.language == language)
    return voices[voice] if voice else next(native, next(iter(voices.values())))


def _speak(bundle: Bundle, request: SynthesisRequest, out: Path) -> list[SentenceTiming]:
    """Write the speech; returns the times of its sentences, if they are asked for."""
    began, first_s, pieces = time.perf_counter(), 0.0, []
    timings: list[SentenceTiming] = []
    with Progress(transient=True) as progress:
        progress.add_task("speaking", total=None)
        for chunk in stream(bundle, request):
            first_s = first_s or time.perf_counter() - began
            pieces.append(chunk.samples)
            timings += [] if chunk.timing is None else [chunk.timing]
    audio = Audio(np.concatenate(pieces), bundle.sample_rate_hz)
    took_s = time.perf_counter() - began
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_bytes(encode_wav(audio))
    print(
        f"{out}: {audio.duration_s:.2f} s of speech, first audio after {first_s * 1000:.0f} ms, "
        f"real-time factor {took_s / audio.duration_s:.2f}"
    )
    return timings


def _write_subtitles(timings: list[SentenceTiming], out: Path) -> None:
    form = SUBTITLE_FORMATS[out.suffix.lower()]
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(write_subtitles(timings, form), encoding="utf-8")
    print(f"{out}: subtitles of {len(timings)} clauses")
