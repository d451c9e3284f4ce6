"""The real backend as a process of its own, with the starter bundle."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Self

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

ROOT = Path(__file__).resolve().parents[2]
API_KEY = "a-key-of-the-end-to-end-tests"
THREADS = os.environ.get("OMP_NUM_THREADS", "1")
START_LIMIT_S = 180.0
STOP_LIMIT_S = 30.0
DEFAULTS: Mapping[str, object] = MappingProxyType({})


class BackendProcess:
    """`python -m backend serve` on this machine; it keeps its data and port when it returns.

    Args:
        folder: for its data and its log.
        settings: what differs from the server's defaults, by names of `Settings`.
        credentials: what a caller of it must use; None if it has no TLS.
        program: the module to run.
    """

    def __init__(
        self,
        folder: Path,
        settings: Mapping[str, object] = DEFAULTS,
        credentials: grpc.ChannelCredentials | None = None,
        program: str = "backend",
    ) -> None:
        self._credentials, self._program = credentials, program
        self.address = "127.0.0.1:0"
        self._folder = folder
        self._settings = {f"GPTSOVITS_{key.upper()}": str(v) for key, v in settings.items()}
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    @property
    def pid(self) -> int:
        """Of the running process."""
        assert self._process is not None
        return self._process.pid

    @property
    def log(self) -> str:
        """What it has printed since its last start."""
        return (self._folder / "backend.log").read_text(encoding="utf-8", errors="replace")

    def channel(self) -> grpc.Channel:
        """Return a new channel to it."""
        if self._credentials is None:
            return grpc.insecure_channel(self.address)
        return grpc.secure_channel(self.address, self._credentials)

    def start(self) -> None:
        """Start it and wait until it serves."""
        port = self.address.rpartition(":")[2]
        with (self._folder / "backend.log").open("wb") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-m", self._program, "serve", "--port", port],
                cwd=ROOT,
                env={
                    "PATH": os.environ["PATH"],
                    "OMP_NUM_THREADS": THREADS,
                    "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'proto'}",
                    "PYTHONUNBUFFERED": "1",
                    "GPTSOVITS_DATA_DIR": str(self._folder / "data"),
                    "GPTSOVITS_API_KEYS": API_KEY,
                    **self._settings,
                },
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        self._wait_until_it_listens(self._process)
        self._wait_until_it_serves(self._process)

    def kill(self) -> None:
        """End it as a power cut would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(timeout=STOP_LIMIT_S)
            self._process = None

    def _wait_until_it_listens(self, process: subprocess.Popen[bytes]) -> None:
        limit = time.monotonic() + START_LIMIT_S
        while time.monotonic() < limit and process.poll() is None:
            if found := re.search(r"listening on (\S+:\d+)", self.log):
                self.address = found[1]
                return
            time.sleep(0.05)
        self._give_up()

    def _wait_until_it_serves(self, process: subprocess.Popen[bytes]) -> None:
        request, limit = health_pb2.HealthCheckRequest(), time.monotonic() + START_LIMIT_S
        with self.channel() as channel:
            check = health_pb2_grpc.HealthStub(channel).Check
            while time.monotonic() < limit and process.poll() is None:
                answer = check(request, timeout=START_LIMIT_S, wait_for_ready=True)
                if answer.status == health_pb2.HealthCheckResponse.SERVING:
                    return
                time.sleep(0.05)
        self._give_up()

    def _give_up(self) -> None:
        self.kill()
        raise AssertionError(f"the backend did not start:\n{self.log}")
