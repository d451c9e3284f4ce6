"""A plugin on standard input and output, as Dify's daemon runs it."""

from __future__ import annotations

import os
import subprocess
import threading
import time
from pathlib import Path

from tests.e2e.sessions import LineSide

HEARTBEAT_S = 0.25
START_LIMIT_S = 120.0  # Dify's own


def start_plugin(
    python: Path, folder: Path, environment: dict[str, str], pipes: bool = False
) -> subprocess.Popen[bytes]:
    """Start the unpacked plugin in `folder`; what it says goes to `output.log` but for pipes."""
    with (folder / "output.log").open("wb") as output:
        return subprocess.Popen(
            [python, "-m", "main"],
            cwd=folder,
            env={"PATH": os.environ["PATH"], "HEARTBEAT_INTERVAL": str(HEARTBEAT_S), **environment},
            stdin=subprocess.PIPE if pipes else subprocess.DEVNULL,
            stdout=subprocess.PIPE if pipes else output,
            stderr=output,
        )


def stop_plugin(process: subprocess.Popen[bytes]) -> None:
    """End the process."""
    process.terminate()
    process.wait(timeout=10)


class PluginProcess(LineSide):
    """A running plugin, from its start to its end."""

    def __init__(self, python: Path, folder: Path, environment: dict[str, str]) -> None:
        super().__init__()
        self.first_line = ""
        self._folder = folder
        self._write_lock = threading.Lock()
        local = {"INSTALL_METHOD": "local", **environment}
        self._process = start_plugin(python, folder, local, pipes=True)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self._wait_for_heartbeat()

    @property
    def log(self) -> str:
        """What it has told Dify's log, and written to its standard error."""
        return "\n".join([*self.logged, (self._folder / "output.log").read_text("utf-8")])

    def send(self, line: bytes) -> None:
        """Write one line to the plugin's standard input."""
        assert self._process.stdin is not None
        with self._write_lock:
            self._process.stdin.write(line)
            self._process.stdin.flush()

    def close(self) -> None:
        """End the process."""
        stop_plugin(self._process)
        self._reader.join(timeout=10)
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in map(bytes.strip, self._process.stdout):
            if line and not self.first_line:
                self.first_line = line.decode()
            elif line:
                self.dispatch(line)

    def _wait_for_heartbeat(self) -> None:
        limit = time.monotonic() + START_LIMIT_S
        while not self.heartbeats:
            assert self._process.poll() is None, "the plugin ended; see its output.log"
            assert time.monotonic() < limit, "the plugin sent no heartbeat"
            time.sleep(0.02)
