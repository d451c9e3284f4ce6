"""A plugin behind HTTP, as Dify's cloud runs it: one request for each session."""

from __future__ import annotations

import http.client
import json
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.e2e.daemon import START_LIMIT_S, start_plugin, stop_plugin
from tests.e2e.sessions import ANSWER_LIMIT_S, PluginSide


class ServerlessPlugin(PluginSide):
    """A running plugin, its port, and how long it took to answer there."""

    def __init__(self, python: Path, folder: Path) -> None:
        self.port = _free_port()
        self._folder = folder
        serverless = {"INSTALL_METHOD": "serverless", "SERVERLESS_PORT": str(self.port)}
        environment = {"SERVERLESS_HOST": "127.0.0.1", "PYTHONUNBUFFERED": "1", **serverless}
        began = time.monotonic()
        self._process = start_plugin(python, folder, environment)
        self._wait_until_it_answers(began + START_LIMIT_S)
        self.start_s = time.monotonic() - began

    @property
    def output(self) -> str:
        """What it has printed."""
        return (self._folder / "output.log").read_text("utf-8")

    @property
    def front_page_status(self) -> int | None:
        """The status of `GET /`."""
        return self._status("/")

    def answers(self, session: str, request: bytes) -> Iterator[dict[str, Any]]:
        """Yield the session messages that answer `request`, while they come."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=ANSWER_LIMIT_S)
        try:
            connection.request("POST", "/invoke", request, {"Content-Type": "application/json"})
            response = connection.getresponse()
            assert response.status == 200
            for line in map(bytes.strip, response):
                if line:
                    message = json.loads(line)
                    assert message["session_id"] == session
                    yield message["data"]
        finally:
            connection.close()

    def close(self) -> None:
        """End the process."""
        stop_plugin(self._process)

    def _wait_until_it_answers(self, limit: float) -> None:
        while self._status("/health") != 200:
            if self._process.poll() is not None or time.monotonic() > limit:
                self.close()
                raise AssertionError(f"the plugin did not start:\n{self.output}")
            time.sleep(0.1)

    def _status(self, path: str) -> int | None:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=2)
        try:
            connection.request("GET", path)
            return connection.getresponse().status
        except (ConnectionError, TimeoutError):
            return None
        finally:
            connection.close()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
