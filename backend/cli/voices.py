"""`voices`: list, show, create and delete the voices of a server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer
from gptsovits.tts.v1 import voices_pb2, voices_pb2_grpc
from rich.console import Console
from rich.table import Table

from backend.cli.client import Connection, Key, Server, connect

CHUNK_BYTES = 64 * 1024

voices = typer.Typer(no_args_is_help=True, help="List, show, create and delete voices.")

VoiceId = Annotated[str, typer.Argument(help="The id of the voice.")]
Reference = Annotated[
    Path, typer.Option(exists=True, dir_okay=False, help="3 to 10 s of clear speech, a sound file.")
]
Consent = Annotated[
    Path, typer.Option(exists=True, dir_okay=False, help="The speaker saying that they agree.")
]


@voices.command("list")
def list_voices(
    language: Annotated[str, typer.Option(help="Only those that speak this language.")] = "",
    server: Server = None,
    key: Key = None,
) -> None:
    """List the voices."""
    table = Table("id", "name", "language", "origin", "description")
    with connect(server, key) as connection:
        for voice in _all_voices(connection, language):
            origin = "bundle" if voice.builtin else f"{voice.create_time.ToDatetime():%Y-%m-%d}"
            table.add_row(_id(voice), voice.display_name, voice.language, origin, voice.description)
    Console().print(table)


@voices.command()
def show(voice_id: VoiceId, server: Server = None, key: Key = None) -> None:
    """Show one voice."""
    with connect(server, key) as connection:
        request = voices_pb2.GetVoiceRequest(name=f"voices/{voice_id}")
        reply = _stub(connection).GetVoice(request, metadata=connection.metadata)
    typer.echo(str(reply.voice).rstrip())


@voices.command()
def create(
    voice_id: VoiceId,
    reference: Reference,
    transcript: Annotated[str, typer.Option(help="The words of the reference recording.")],
    language: Annotated[str, typer.Option(help="The code of the language it speaks.")],
    consent: Consent,
    consent_text: Annotated[str, typer.Option(help="The words of the recorded consent.")],
    speaker: Annotated[str, typer.Option(help="The name of the person who speaks.")],
    name: Annotated[str, typer.Option(help="What lists show.")] = "",
    description: Annotated[str, typer.Option(help="Who speaks and how.")] = "",
    bundle: Annotated[str, typer.Option(help="The bundle that speaks; empty: the first.")] = "",
    server: Server = None,
    key: Key = None,
) -> None:
    """Make a voice from a reference recording and the speaker's recorded consent."""
    config = voices_pb2.CreateVoiceConfig(
        voice_id=voice_id,
        display_name=name,
        description=description,
        transcript=transcript,
        language=language,
        bundle=bundle,
        consent=voices_pb2.ConsentStatement(speaker_name=speaker, text=consent_text),
    )
    with connect(server, key) as connection:
        messages = upload(config, reference, consent)
        reply = _stub(connection).CreateVoice(messages, metadata=connection.metadata)
    typer.echo(f"created {reply.voice.name}")


@voices.command()
def delete(voice_id: VoiceId, server: Server = None, key: Key = None) -> None:
    """Delete a voice and everything that the server keeps of it."""
    with connect(server, key) as connection:
        request = voices_pb2.DeleteVoiceRequest(name=f"voices/{voice_id}")
        _stub(connection).DeleteVoice(request, metadata=connection.metadata)
    typer.echo(f"deleted voices/{voice_id}")


def upload(
    config: voices_pb2.CreateVoiceConfig, reference: Path, consent: Path
) -> Iterator[voices_pb2.CreateVoiceRequest]:
    """Yield the messages of an upload."""
    yield voices_pb2.CreateVoiceRequest(config=config)
    for data in _chunks(reference):
        yield voices_pb2.CreateVoiceRequest(reference_data=data)
    for data in _chunks(consent):
        yield voices_pb2.CreateVoiceRequest(consent_data=data)


def _chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while data := file.read(CHUNK_BYTES):
            yield data


def _all_voices(connection: Connection, language: str) -> Iterator[voices_pb2.Voice]:
    token = ""
    while True:
        request = voices_pb2.ListVoicesRequest(page_token=token, language=language)
        reply = _stub(connection).ListVoices(request, metadata=connection.metadata)
        yield from reply.voices
        token = reply.next_page_token
        if not token:
            return


def _id(voice: voices_pb2.Voice) -> str:
    return voice.name.removeprefix("voices/")


def _stub(connection: Connection) -> voices_pb2_grpc.VoiceServiceStub:
    return voices_pb2_grpc.VoiceServiceStub(connection.channel)
