"""What the client commands share: the channel, and errors that people can read."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import grpc
import typer
from google.rpc import error_details_pb2
from grpc_status import rpc_status

from backend.config import ClientSettings

Server = Annotated[str | None, typer.Option(help="Address of the server, HOST:PORT.")]
Key = Annotated[str | None, typer.Option(help="API key; better put it in GPTSOVITS_KEY.")]

MAX_RESPONSE_BYTES = 256 * 2**20


class Connection:
    """A channel to the server and the metadata that each call carries."""

    def __init__(self, channel: grpc.Channel, metadata: tuple[tuple[str, str], ...]) -> None:
        self.channel = channel
        self.metadata = metadata


@contextmanager
def connect(server: str | None, key: str | None) -> Iterator[Connection]:
    """Open a channel; a failed call or file inside ends the program with a readable message."""
    settings = ClientSettings()
    address = server or settings.server
    secret = key or (settings.key.get_secret_value() if settings.key else "")
    metadata = (("authorization", f"Bearer {secret}"),) if secret else ()
    options = (("grpc.max_receive_message_length", MAX_RESPONSE_BYTES),)
    try:
        with _open(address, settings, options) as channel:
            yield Connection(channel, metadata)
    except grpc.RpcError as error:
        typer.secho(describe(error, address), err=True, fg=typer.colors.RED)
        raise typer.Exit(1) from error
    except OSError as error:
        typer.secho(str(error), err=True, fg=typer.colors.RED)
        raise typer.Exit(1) from error


def _open(
    address: str, settings: ClientSettings, options: tuple[tuple[str, int], ...]
) -> grpc.Channel:
    if settings.ca_cert is None:
        return grpc.insecure_channel(address, options)
    credentials = grpc.ssl_channel_credentials(
        settings.ca_cert.read_bytes(),
        settings.client_key.read_bytes() if settings.client_key else None,
        settings.client_cert.read_bytes() if settings.client_cert else None,
    )
    return grpc.secure_channel(address, credentials, options)


def describe(error: grpc.RpcError, address: str) -> str:
    """Return what a failed call means, with the reason and the known voices if given."""
    if not isinstance(error, grpc.Call):
        return str(error)
    lines = [f"{error.code().name}: {error.details()}"]
    if error.code() is grpc.StatusCode.UNAVAILABLE:
        lines.append(f"is a server running at {address}?")
    status = rpc_status.from_call(error)
    for detail in status.details if status else ():
        info = error_details_pb2.ErrorInfo()
        if detail.Unpack(info):
            lines[0] += f" [{info.reason}]"
            lines += [f"{name}: {value}" for name, value in info.metadata.items()]
    return "\n".join(lines)
