"""Dify's side of a plugin's messages: JSON lines, in sessions, whatever carries them."""

from __future__ import annotations

import json
import queue
import time
import uuid
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

ANSWER_LIMIT_S = 240.0  # of a machine that does much else
LONGEST_LINE_BYTES = 5 * 1024 * 1024


@dataclass(eq=False)
class PluginError(Exception):
    """What the plugin answers instead of a result."""

    error_type: str
    message: str
    args_text: str


class PluginSide(ABC):
    """A running plugin as Dify sees it, over any transport."""

    @abstractmethod
    def answers(self, session: str, request: bytes) -> Iterator[dict[str, Any]]:
        """Yield the session messages that answer `request`, a line of JSON."""

    @abstractmethod
    def close(self) -> None:
        """End the plugin."""

    def invoke(self, action: str, kind: str = "model", **data: Any) -> Iterator[dict[str, Any]]:
        """Yield what the plugin answers to `action`.

        Raises:
            PluginError: it answers with an error.
        """
        session = uuid.uuid4().hex
        asked = {"type": kind, "action": action, "user_id": "someone", **data}
        for answer in self.answers(session, request_line(session, asked)):
            if answer["type"] == "end":
                return
            content = answer["data"]
            if answer["type"] == "error":
                words = json.dumps(content["args"])
                raise PluginError(content["error_type"], content["message"], words)
            yield content


class LineSide(PluginSide):
    """A transport on which all sessions, heartbeats and log lines share one stream of lines."""

    def __init__(self) -> None:
        self.heartbeats: list[float] = []
        self.logged: list[str] = []
        self._sessions: dict[str, queue.Queue[dict[str, Any]]] = {}

    @abstractmethod
    def send(self, line: bytes) -> None:
        """Write one line to the plugin; safe to call from any thread."""

    def answers(self, session: str, request: bytes) -> Iterator[dict[str, Any]]:
        """Yield the session messages that answer `request`."""
        answers: queue.Queue[dict[str, Any]] = queue.Queue()
        self._sessions[session] = answers
        self.send(request)
        while True:
            yield answers.get(timeout=ANSWER_LIMIT_S)

    def dispatch(self, line: bytes) -> None:
        """Take a line from the plugin."""
        assert len(line) < LONGEST_LINE_BYTES
        message = json.loads(line)
        if message["event"] == "heartbeat":
            self.heartbeats.append(time.monotonic())
        elif message["event"] == "log":
            self.logged.append(line.decode())
        elif message["event"] == "session":
            self._sessions[message["session_id"]].put(message["data"])


def request_line(session: str, data: dict[str, Any]) -> bytes:
    """Return a request as Dify's daemon writes it."""
    message = {"session_id": session, "event": "request", "data": data}
    empty = dict.fromkeys(("conversation_id", "message_id", "app_id", "endpoint_id"))
    return json.dumps({**message, **empty, "context": {}}).encode() + b"\n"
