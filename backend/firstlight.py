"""`python -m backend.firstlight`: start a server, hear one sentence, and go on serving.

What `make run` does once everything is installed.
"""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, NoReturn

import grpc
import typer
from gptsovits.tts.v1 import voices_pb2, voices_pb2_grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from backend.cli.client import Connection, connect
from backend.cli.say import say
from backend.config import Settings, read_settings
from backend.errors import ConfigurationError

SENTENCE = "Hello, this is your own voice server. It is a good day to talk."
OUTPUT = Path("out/hello.mp3")
WITH_TLS = (
    "with TLS on, no first sentence is spoken; hear one by `python -m backend say`, with "
    "GPTSOVITS_SERVER and GPTSOVITS_CA_CERT"
)
START_LIMIT_S = 300.0
POLL_S = 0.2

Process = subprocess.Popen[bytes]


def main(
    port: Annotated[int, typer.Option(help="Port to serve on.")] = 50051,
    oneshot: Annotated[bool, typer.Option(help="Stop after the sentence.")] = False,
    out: Annotated[Path, typer.Option(help="Where the sentence goes.")] = OUTPUT,
) -> None:
    """Serve on `port`, speak one sentence into a file, and keep serving until Ctrl-C."""
    try:
        settings = read_settings(port=port)
    except ConfigurationError as error:
        _fail(str(error))
    command = [sys.executable, "-m", "backend", "serve", "--port", str(port)]
    raise typer.Exit(first_light(command, settings, out, oneshot=oneshot))


def first_light(command: list[str], settings: Settings, out: Path, *, oneshot: bool) -> int:
    """Start the server by `command`, speak into `out`, and wait for its end unless `oneshot`.

    A server with TLS is left to speak to others: its certificate is for a name that this program
    does not know.

    Returns:
        The exit status: 0 after Ctrl-C and SIGTERM too.
    Raises:
        typer.Exit: the port is taken, the server ended early, or it did not speak.
    """
    port = settings.port
    host = "127.0.0.1" if settings.host in ("0.0.0.0", "::") else settings.host
    if _is_taken(host, port):
        _fail(f"port {port} is in use: stop what listens there, or try PORT={port + 1} make run")
    key = settings.api_keys[0].get_secret_value() if settings.api_keys else None
    with _server(command) as process:
        spoken = settings.tls_cert is None and _speak(process, f"{host}:{port}", key, out)
        if oneshot and not spoken:
            _fail("there was no voice to speak with, or TLS is on")
        if settings.tls_cert is not None:
            typer.echo(WITH_TLS)
        if not oneshot:
            typer.echo(f"serving on {settings.host}:{port}; Ctrl-C stops")
            while (status := process.poll()) is None:
                time.sleep(POLL_S)  # a signal just before an endless wait would go unnoticed
            return status
    return 0


def _speak(process: Process, address: str, key: str | None, out: Path) -> bool:
    """Speak the sentence; False when the server has no voice for it yet."""
    out.parent.mkdir(parents=True, exist_ok=True)
    with connect(address, key) as connection:
        _await_serving(process, connection)
        voice = _english_voice(connection)
    if voice is None:
        typer.echo("no voice speaks English yet: make one with `python -m backend voices create`")
        return False
    typer.echo(f"{voice} says: {SENTENCE}")
    say(text=SENTENCE, voice=voice, out=out, language="en", seed=1, server=address, key=key)
    return True


@contextmanager
def _server(command: list[str]) -> Iterator[Process]:
    """Run `command` while the block runs; Ctrl-C and SIGTERM end both."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    process = subprocess.Popen(command)
    try:
        yield process
    except KeyboardInterrupt:
        typer.echo("stopping")
    finally:
        process.terminate()
        process.wait()


def _await_serving(process: Process, connection: Connection) -> None:
    stub = health_pb2_grpc.HealthStub(connection.channel)
    check = stub.Check  # type: ignore[attr-defined]  # not in the stubs
    request = health_pb2.HealthCheckRequest()
    deadline = time.monotonic() + START_LIMIT_S
    while time.monotonic() < deadline:
        if process.poll() is not None:
            _fail(f"the server ended with status {process.returncode}; its message stands above")
        try:
            reply = check(request, metadata=connection.metadata, timeout=5)
            if reply.status == health_pb2.HealthCheckResponse.SERVING:
                return
        except grpc.RpcError as error:
            if error.code() is not grpc.StatusCode.UNAVAILABLE:
                raise
        time.sleep(POLL_S)
    _fail(f"the server was not ready within {START_LIMIT_S:.0f} s")


def _english_voice(connection: Connection) -> str | None:
    """A voice that speaks English: one whose own language it is, where there is one."""
    stub = voices_pb2_grpc.VoiceServiceStub(connection.channel)
    request = voices_pb2.ListVoicesRequest(language="en")
    voices = stub.ListVoices(request, metadata=connection.metadata).voices
    chosen = min(voices, key=lambda voice: voice.language != "en", default=None)
    return chosen.name.removeprefix("voices/") if chosen else None


def _is_taken(host: str, port: int) -> bool:
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return True
    return False


def _fail(message: str) -> NoReturn:
    typer.secho(message, err=True, fg=typer.colors.RED)
    raise typer.Exit(1)


if __name__ == "__main__":
    typer.run(main)
