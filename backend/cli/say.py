"""`say`: speak a text by a server into a file."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, BinaryIO

import typer
from gptsovits.tts.v1 import audio_pb2, tts_pb2, tts_pb2_grpc
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from backend.cli.client import Connection, Key, Server, connect
from backend.encoding import wav_file

ENCODING_OF_SUFFIX = MappingProxyType(
    {
        ".mp3": audio_pb2.AUDIO_ENCODING_MP3,
        ".wav": audio_pb2.AUDIO_ENCODING_WAV,
        ".pcm": audio_pb2.AUDIO_ENCODING_PCM,
        ".raw": audio_pb2.AUDIO_ENCODING_PCM,
    }
)


@dataclass(slots=True)
class Heard:
    """What came of one stream."""

    first_audio_s: float = 0.0
    total_s: float = 0.0
    audio_s: float = 0.0
    seed: int = 0


def say(
    text: Annotated[str, typer.Option(help="What to say.")],
    voice: Annotated[str, typer.Option(help="The id of the voice; see `voices list`.")],
    out: Annotated[Path, typer.Option(help="File to write: .mp3, .wav, .pcm or .raw.")],
    language: Annotated[str, typer.Option(help="Code, or auto; else the voice's own.")] = "",
    speed: Annotated[float, typer.Option(help="2.0 is twice as fast.")] = 1.0,
    seed: Annotated[int | None, typer.Option(help="Repeat an earlier sound.")] = None,
    server: Server = None,
    key: Key = None,
) -> None:
    """Speak a text into a file, and print how long it took."""
    if out.suffix.lower() not in ENCODING_OF_SUFFIX:
        known = ", ".join(ENCODING_OF_SUFFIX)
        raise typer.BadParameter(f"{out} must end with one of {known}", param_hint="--out")
    speech = tts_pb2.SpeechInput(
        text=text,
        voice=f"voices/{voice.removeprefix('voices/')}",
        language=language,
        options=tts_pb2.SynthesisOptions(speed=speed, seed=seed),
        audio_format=audio_pb2.AudioFormat(encoding=ENCODING_OF_SUFFIX[out.suffix.lower()]),
    )
    with connect(server, key) as connection:
        heard = _speak(connection, speech, out)
    factor = heard.total_s / heard.audio_s if heard.audio_s else 0.0
    typer.echo(
        f"{out}: {heard.audio_s:.2f} s of speech, first audio after "
        f"{heard.first_audio_s * 1000:.0f} ms, real-time factor {factor:.3f}, seed {heard.seed}"
    )


def _speak(connection: Connection, speech: tts_pb2.SpeechInput, out: Path) -> Heard:
    stub = tts_pb2_grpc.TextToSpeechServiceStub(connection.channel)
    request = tts_pb2.SynthesizeStreamRequest(input=speech)
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    partial = out.with_name(f".{out.name}.partial")
    try:
        with partial.open("wb") as file, Progress(*columns, console=Console(stderr=True)) as bar:
            task = bar.add_task("waiting for the first sound")
            stream = stub.SynthesizeStream(request, metadata=connection.metadata)
            heard = _write(
                stream, file, lambda size: bar.update(task, description=f"{size / 1024:.0f} KiB")
            )
        _finish(partial, out)
    finally:
        partial.unlink(missing_ok=True)
    return heard


def _write(
    stream: Iterable[tts_pb2.SynthesizeStreamResponse],
    file: BinaryIO,
    show: Callable[[int], None],
) -> Heard:
    heard, began, size = Heard(), time.monotonic(), 0
    for message in stream:
        match message.WhichOneof("payload"):
            case "audio":
                heard.first_audio_s = heard.first_audio_s or time.monotonic() - began
                size += file.write(message.audio.data)
                show(size)
            case "completed":
                heard.audio_s = message.completed.audio_duration.ToMicroseconds() / 1e6
                heard.seed = message.completed.seed
    heard.total_s = time.monotonic() - began
    return heard


def _finish(partial: Path, out: Path) -> None:
    """Move the finished file to its place; a WAV file gets its true lengths."""
    if out.suffix.lower() == ".wav":
        partial.write_bytes(wav_file(partial.read_bytes()))
    partial.replace(out)
