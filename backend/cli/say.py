"""`say`: speak a text by a server into a file."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, BinaryIO

import typer
from gptsovits.tts.v1 import audio_pb2, tts_pb2, tts_pb2_grpc
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from backend.cli.client import Connection, Key, Server, connect
from backend.cli.dictate import speak_along, text_as_it_comes
from backend.encoding import wav_file

ENCODING_OF_SUFFIX = MappingProxyType(
    {
        ".mp3": audio_pb2.AUDIO_ENCODING_MP3,
        ".wav": audio_pb2.AUDIO_ENCODING_WAV,
        ".pcm": audio_pb2.AUDIO_ENCODING_PCM,
        ".raw": audio_pb2.AUDIO_ENCODING_PCM,
    }
)


type Answers = (
    Iterable[tts_pb2.SynthesizeStreamResponse] | Iterable[tts_pb2.StreamingSynthesizeResponse]
)


@dataclass(slots=True)
class Heard:
    """What came of one stream."""

    first_audio_s: float = 0.0
    total_s: float = 0.0
    audio_s: float = 0.0
    seed: int = 0
    left_out: list[str] = field(default_factory=list)


def say(
    voice: Annotated[str, typer.Option(help="The id of the voice; see `voices list`.")],
    out: Annotated[Path, typer.Option(help="File to write: .mp3, .wav, .pcm or .raw.")],
    text: Annotated[str, typer.Option(help="What to say.")] = "",
    stdin: Annotated[
        bool, typer.Option("--stdin", help="Speak what comes on standard input, as it comes.")
    ] = False,
    language: Annotated[str, typer.Option(help="Code, or auto; else the voice's own.")] = "",
    speed: Annotated[float, typer.Option(help="2.0 is twice as fast.")] = 1.0,
    seed: Annotated[int | None, typer.Option(help="Repeat an earlier sound.")] = None,
    sample_steps: Annotated[
        int | None, typer.Option(help="Of v3 and v4: fewer are faster and rougher.")
    ] = None,
    carried: Annotated[
        float | None, typer.Option(help="Of --stdin: seconds of speech that the next part hears.")
    ] = None,
    server: Server = None,
    key: Key = None,
) -> None:
    """Speak a text into a file, and print how long it took."""
    if out.suffix.lower() not in ENCODING_OF_SUFFIX:
        known = ", ".join(ENCODING_OF_SUFFIX)
        raise typer.BadParameter(f"{out} must end with one of {known}", param_hint="--out")
    if stdin == bool(text):
        raise typer.BadParameter("give either --text or --stdin", param_hint="--text")
    config = tts_pb2.StreamingConfig(
        voice=f"voices/{voice.removeprefix('voices/')}",
        language=language,
        options=tts_pb2.SynthesisOptions(speed=speed, seed=seed, sample_steps=sample_steps),
        audio_format=audio_pb2.AudioFormat(encoding=ENCODING_OF_SUFFIX[out.suffix.lower()]),
    )
    if carried is not None:
        config.carried.FromMicroseconds(round(carried * 1e6))
    with connect(server, key) as connection:
        answers = _along(connection, config) if stdin else _at_once(connection, config, text)
        heard = _keep(answers, out)
    factor = heard.total_s / heard.audio_s if heard.audio_s else 0.0
    typer.echo(
        f"{out}: {heard.audio_s:.2f} s of speech, first audio after "
        f"{heard.first_audio_s * 1000:.0f} ms, real-time factor {factor:.3f}, seed {heard.seed}"
    )
    if heard.left_out:
        words = " ".join(heard.left_out)
        typer.echo(f"left out, because no language of the voice reads it: {words}", err=True)


def _along(connection: Connection, config: tts_pb2.StreamingConfig) -> Answers:
    """Speak standard input while it comes."""
    stub = tts_pb2_grpc.TextToSpeechServiceStub(connection.channel)
    pieces = text_as_it_comes(typer.get_binary_stream("stdin"))
    return speak_along(stub, config, pieces, connection.metadata)


def _at_once(connection: Connection, config: tts_pb2.StreamingConfig, text: str) -> Answers:
    """Speak a text that is all there."""
    stub = tts_pb2_grpc.TextToSpeechServiceStub(connection.channel)
    speech = tts_pb2.SpeechInput(
        text=text,
        voice=config.voice,
        language=config.language,
        options=config.options,
        audio_format=config.audio_format,
    )
    request = tts_pb2.SynthesizeStreamRequest(input=speech)
    return stub.SynthesizeStream(request, metadata=connection.metadata)


def _keep(answers: Answers, out: Path) -> Heard:
    """Write the sound of a stream into a file."""
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    partial = out.with_name(f".{out.name}.partial")
    out.parent.mkdir(parents=True, exist_ok=True)
    try:
        with partial.open("wb") as file, Progress(*columns, console=Console(stderr=True)) as bar:
            task = bar.add_task("waiting for the first sound")
            heard = _write(
                answers, file, lambda size: bar.update(task, description=f"{size / 1024:.0f} KiB")
            )
        _finish(partial, out)
    finally:
        partial.unlink(missing_ok=True)
    return heard


def _write(
    stream: Answers,
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
            case "segment_completed" if isinstance(message, tts_pb2.StreamingSynthesizeResponse):
                heard.left_out += _left_out(message.segment_completed.findings)
            case "completed":
                heard.left_out += _left_out(message.completed.findings)
                heard.audio_s = message.completed.audio_duration.ToMicroseconds() / 1e6
                heard.seed = message.completed.seed
    heard.total_s = time.monotonic() - began
    return heard


def _left_out(findings: Iterable[tts_pb2.SentenceFinding]) -> list[str]:
    return [finding.left_out for finding in findings if finding.left_out]


def _finish(partial: Path, out: Path) -> None:
    """Move the finished file to its place; a WAV file gets its true lengths."""
    if out.suffix.lower() == ".wav":
        partial.write_bytes(wav_file(partial.read_bytes()))
    partial.replace(out)
