"""The server process that is measured, and what it takes of the machine."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import grpc.aio

from tests.bench.released_speaker import SAMPLE_RATE_HZ, write_speaker
from tests.bench.server.listener import Client
from tests.e2e.backend_process import API_KEY, BackendProcess


@dataclass(frozen=True, slots=True)
class Load:
    """What to measure, and how.

    Attributes:
        device, threads: of the server; 0 leaves the threads to it.
        streams: how many listeners there are at a time, one measurement each.
        seconds: how long listeners keep coming.
        requests: of the parts that count requests.
        released: whether it speaks by the released sizes, with synthetic weights.
        precision: of its text-to-semantic model.
    """

    device: str = "auto"
    threads: int = 0
    streams: tuple[int, ...] = (1, 2, 4, 8, 16, 32, 64)
    seconds: float = 20.0
    requests: int = 1000
    released: bool = False
    precision: str = "auto"


@dataclass(frozen=True, slots=True)
class Served:
    """A running server and a client of it."""

    process: BackendProcess
    client: Client

    def resident_mb(self) -> float:
        """The memory that it holds."""
        status = Path(f"/proc/{self.process.pid}/status").read_text("ascii")
        line = next(line for line in status.splitlines() if line.startswith("VmRSS:"))
        return int(line.split()[1]) / 1024

    def processor_s(self) -> float:
        """The processor time that it has used."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text("ascii").rpartition(")")[2]
        user, system = fields.split()[11:13]
        return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


@asynccontextmanager
async def served(load: Load, program: str = "backend", **settings: object) -> AsyncIterator[Served]:
    """Run a server with `GPTSOVITS_` settings of its own."""
    own = {
        "device": load.device,
        "threads": load.threads,
        "precision": load.precision,
        "log_level": "WARNING",
        **settings,
    }
    with TemporaryDirectory() as name:
        folder, rate_hz = Path(name), 16000
        if load.released:
            own["bundle"] = write_speaker(folder / "released")
            rate_hz = SAMPLE_RATE_HZ
        with BackendProcess(folder, own, program=program) as process:
            async with grpc.aio.insecure_channel(process.address) as channel:
                yield Served(process, Client(channel, API_KEY, rate_hz))
