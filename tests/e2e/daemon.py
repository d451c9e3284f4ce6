"""Dify's side of the plugin's standard input and output: JSON lines, as its daemon speaks them."""

from __future__ import annotations

import json
import os
import queue
import subprocess
import threading
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HEARTBEAT_S = 0.25
START_LIMIT_S = 60.0
ANSWER_LIMIT_S = 60.0
LONGEST_LINE_BYTES = 5 * 1024 * 1024


@dataclass(eq=False)
class PluginError(Exception):
    """What the plugin answers instead of a result."""

    error_type: str
    message: str
    args_text: str


class PluginProcess:
    """A running plugin, from its start to its end. `stderr` goes to a file beside the package."""

    def __init__(self, python: Path, folder: Path, environment: dict[str, str]) -> None:
        self.heartbeats: list[float] = []
        self.first_line = ""
        self._sessions: dict[str, queue.Queue[dict[str, Any]]] = {}
        self._write_lock = threading.Lock()
        with (folder / "stderr.log").open("wb") as stderr:
            self._process = subprocess.Popen(
                [python, "-m", "main"],
                cwd=folder,
                env={
                    "PATH": os.environ["PATH"],
                    "INSTALL_METHOD": "local",
                    "HEARTBEAT_INTERVAL": str(HEARTBEAT_S),
                    **environment,
                },
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=stderr,
            )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self._wait_for_heartbeat()

    def invoke(self, action: str, **data: Any) -> Iterator[dict[str, Any]]:
        """Yield what the plugin answers to `action`.

        Raises:
            PluginError: it answers with an error.
        """
        session = uuid.uuid4().hex
        answers: queue.Queue[dict[str, Any]] = queue.Queue()
        self._sessions[session] = answers
        self._send(session, {"type": "model", "action": action, "user_id": "someone", **data})
        while True:
            answer = answers.get(timeout=ANSWER_LIMIT_S)
            if answer["type"] == "end":
                return
            content = answer["data"]
            if answer["type"] == "error":
                words = json.dumps(content["args"])
                raise PluginError(content["error_type"], content["message"], words)
            yield content

    def close(self) -> None:
        """End the process."""
        self._process.terminate()
        self._process.wait(timeout=10)
        self._reader.join(timeout=10)
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()

    def _send(self, session: str, data: dict[str, Any]) -> None:
        message = {"session_id": session, "event": "request", "data": data}
        empty = dict.fromkeys(("conversation_id", "message_id", "app_id", "endpoint_id"))
        line = json.dumps({**message, **empty, "context": {}}) + "\n"
        assert self._process.stdin is not None
        with self._write_lock:
            self._process.stdin.write(line.encode())
            self._process.stdin.flush()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            assert len(line) < LONGEST_LINE_BYTES
            text = line.decode().strip()
            if text and not self.first_line:
                self.first_line = text
            elif text:
                self._dispatch(json.loads(text))

    def _dispatch(self, message: dict[str, Any]) -> None:
        if message["event"] == "heartbeat":
            self.heartbeats.append(time.monotonic())
        elif message["event"] == "session":
            self._sessions[message["session_id"]].put(message["data"])

    def _wait_for_heartbeat(self) -> None:
        limit = time.monotonic() + START_LIMIT_S
        while not self.heartbeats:
            assert self._process.poll() is None, "the plugin ended; see its stderr.log"
            assert time.monotonic() < limit, "the plugin sent no heartbeat"
            time.sleep(0.02)
