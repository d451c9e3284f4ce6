"""What Dify asks of a tool plugin: nodes run, their files put together."""

from __future__ import annotations

import base64
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.e2e.sessions import PluginSide

FILE_SECRET = "sign=a-signature-that-opens-the-file"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a node gave: files by name, with their types, variables, and text."""

    files: dict[str, bytes] = field(default_factory=dict)
    mime_types: dict[str, str] = field(default_factory=dict)
    variables: dict[str, Any] = field(default_factory=dict)
    texts: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Nodes:
    """The nodes of one authorized provider of a workspace."""

    plugin: PluginSide
    credentials: Mapping[str, str]

    def with_credentials(self, **changes: str) -> Nodes:
        """Return the same workspace with other credentials."""
        return Nodes(self.plugin, {**self.credentials, **changes})

    def validate(self) -> bool:
        """Check the credentials."""
        [answer] = self._invoke("validate_tool_credentials")
        return answer["result"]

    def run(self, tool: str, **parameters: Any) -> Outcome:
        """Run a node."""
        outcome = Outcome()
        for answer in self._invoke("invoke_tool", tool=tool, tool_parameters=parameters):
            _take(outcome, answer["type"], answer["message"], answer.get("meta") or {})
        return outcome

    def _invoke(self, action: str, **data: Any) -> Iterator[dict[str, Any]]:
        provider = {"provider": "gpt_sovits", "credentials": dict(self.credentials)}
        return self.plugin.invoke(action, kind="tool", **provider, **data)


def _take(outcome: Outcome, kind: str, message: dict[str, Any], meta: dict[str, Any]) -> None:
    if kind == "blob_chunk":
        name = meta["filename"]
        known = outcome.files.get(name, b"")
        outcome.files[name] = known + base64.b64decode(message["blob"])
        outcome.mime_types[name] = meta["mime_type"]
        assert not message["end"] or len(outcome.files[name]) == message["total_length"]
    elif kind == "variable":
        outcome.variables[message["variable_name"]] = message["variable_value"]
    else:
        assert kind == "text"
        outcome.texts.append(message["text"])


@contextmanager
def uploads(files: Mapping[str, bytes]) -> Iterator[dict[str, dict[str, Any]]]:
    """Serve `files` as Dify serves what users upload; yield the value of each in a request."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            data = files.get(self.path.partition("?")[0].removeprefix("/"))
            self.send_response(404 if data is None else 200)
            self.end_headers()
            self.wfile.write(data or b"")

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    serving = threading.Thread(target=server.serve_forever)
    serving.start()
    try:
        yield {name: uploaded(server.server_port, name, len(data)) for name, data in files.items()}
    finally:
        server.shutdown()
        serving.join()
        server.server_close()


def uploaded(port: int, name: str, size: int) -> dict[str, Any]:
    """Return an uploaded file as a request names it."""
    return {
        "dify_model_identity": "__dify__file__",
        "url": f"http://127.0.0.1:{port}/{name}?{FILE_SECRET}",
        "filename": name,
        "mime_type": "audio/wav",
        "extension": ".wav",
        "size": size,
        "type": "audio",
    }
