"""A connection that can be cut in the middle."""

from __future__ import annotations

import asyncio
from asyncio import StreamReader, StreamWriter
from contextlib import suppress
from typing import Self

MOST_BYTES = 2**16


class Wire:
    """Leads from `address` here to a server there, until it is cut."""

    def __init__(self, server: str) -> None:
        self.address = ""
        self._server = server.rpartition(":")[::2]
        self._ends: list[StreamWriter] = []
        self._calls: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        self._listener = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        host, port = self._listener.sockets[0].getsockname()
        self.address = f"{host}:{port}"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._listener.close()
        self.cut()
        await asyncio.gather(*self._calls)

    def cut(self) -> None:
        """Say nothing more to either side, not even good-bye."""
        for end in self._ends:
            end.transport.abort()

    def _accept(self, reader: StreamReader, writer: StreamWriter) -> None:
        self._calls.append(asyncio.create_task(self._carry(reader, writer)))

    async def _carry(self, reader: StreamReader, writer: StreamWriter) -> None:
        there, back = await asyncio.open_connection(*self._server)
        self._ends += (writer, back)
        await asyncio.gather(_pass_on(reader, back), _pass_on(there, writer))


async def _pass_on(reader: StreamReader, writer: StreamWriter) -> None:
    with suppress(ConnectionError):
        while data := await reader.read(MOST_BYTES):
            writer.write(data)
            await writer.drain()
