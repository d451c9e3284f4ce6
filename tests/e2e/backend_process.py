"""The real backend as a process of its own, with the starter bundle."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Self

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

ROOT = Path(__file__).resolve().parents[2]
API_KEY = "a-key-of-the-end-to-end-tests"
START_LIMIT_S = 180.0
STOP_LIMIT_S = 30.0


class BackendProcess:
    """`python -m backend serve` on this machine, from its start to its end."""

    def __init__(self, folder: Path, port: int = 0) -> None:
        self._output = folder / "backend.log"
        with self._output.open("wb") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "backend", "serve", "--port", str(port)],
                cwd=ROOT,
                env={
                    "PATH": os.environ["PATH"],
                    "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'proto'}",
                    "PYTHONUNBUFFERED": "1",
                    "GPTSOVITS_DATA_DIR": str(folder / "data"),
                    "GPTSOVITS_API_KEYS": API_KEY,
                    "GPTSOVITS_DRAIN_S": "1",
                },
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        self.address = self._wait_until_it_listens()
        self._wait_until_it_serves()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self.address.rpartition(":")[2])

    @property
    def log(self) -> str:
        """What it has printed so far."""
        return self._output.read_text(encoding="utf-8", errors="replace")

    def stop(self) -> None:
        """End it as an operator would."""
        self._process.terminate()
        self._process.wait(timeout=STOP_LIMIT_S)

    def kill(self) -> None:
        """End it as a power cut would."""
        self._process.kill()
        self._process.wait(timeout=STOP_LIMIT_S)

    def _wait_until_it_serves(self) -> None:
        request = health_pb2.HealthCheckRequest()
        with grpc.insecure_channel(self.address) as channel:
            check = health_pb2_grpc.HealthStub(channel).Check
            limit = time.monotonic() + START_LIMIT_S
            while time.monotonic() < limit:
                answer = check(request, timeout=START_LIMIT_S, wait_for_ready=True)
                if answer.status == health_pb2.HealthCheckResponse.SERVING:
                    return
                time.sleep(0.05)
        self.kill()
        raise AssertionError(f"the backend did not get ready:\n{self.log}")

    def _wait_until_it_listens(self) -> str:
        limit = time.monotonic() + START_LIMIT_S
        while time.monotonic() < limit and self._process.poll() is None:
            if found := re.search(r"listening on (\S+:\d+)", self.log):
                return found[1]
            time.sleep(0.05)
        self._process.kill()
        self._process.wait()
        raise AssertionError(f"the backend did not start:\n{self.log}")
