"""The part of a hub that downloads need, on loopback."""

from __future__ import annotations

import hashlib
import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote

COMMIT = "0123456789" * 4


class Hub(ThreadingHTTPServer):
    """Serves the files of one repository.

    Attributes:
        files: content by path.
        breaks: bodies that end after half of what they promised, before one goes through.
        ranges: the `Range` of every body that was asked for, empty where there was none.
        knows_ranges: whether a `Range` is heeded.
        etags: what names a file, by path, where that is not the SHA-256 of its content.
    """

    daemon_threads = True

    def __init__(self, files: Mapping[str, bytes], breaks: int = 0) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.files, self.breaks = files, breaks
        self.ranges: list[str] = []
        self.etags: dict[str, str] = {}
        self.knows_ranges = True

    @property
    def endpoint(self) -> str:
        """What HF_ENDPOINT would be."""
        return f"http://127.0.0.1:{self.server_port}"


@contextmanager
def serving(hub: Hub) -> Iterator[Hub]:
    """The hub, answering."""
    thread = threading.Thread(target=hub.serve_forever)
    thread.start()
    try:
        yield hub
    finally:
        hub.shutdown()
        thread.join()
        hub.server_close()


class _Handler(BaseHTTPRequestHandler):
    server: Hub

    def do_HEAD(self) -> None:
        self._answer(with_body=False)

    def do_GET(self) -> None:
        self.server.ranges.append(self.headers.get("Range", ""))
        self._answer(with_body=True)

    def log_message(self, format: str, *args: object) -> None:
        """Be quiet."""

    def _answer(self, *, with_body: bool) -> None:
        path = unquote(re.sub(r"^/[^/]+/[^/]+/resolve/[^/]+/", "", self.path))
        content = self.server.files.get(path)
        if content is None:
            self._head(404, {"X-Error-Code": "EntryNotFound", "Content-Length": "0"})
            return
        asked = self.headers.get("Range", "") if self.server.knows_ranges else ""
        begin = int(re.sub(r"\D", "", asked) or 0)
        headers = {
            "ETag": f'"{self.server.etags.get(path) or hashlib.sha256(content).hexdigest()}"',
            "Content-Length": str(len(content) - begin),
        }
        if asked:
            headers["Content-Range"] = f"bytes {begin}-{len(content) - 1}/{len(content)}"
        self._head(206 if asked else 200, headers)
        if with_body:
            self._body(content[begin:])

    def _head(self, status: int, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        for name, value in (headers | {"X-Repo-Commit": COMMIT}).items():
            self.send_header(name, value)
        self.end_headers()

    def _body(self, content: bytes) -> None:
        if self.server.breaks:
            self.server.breaks -= 1
            content = content[: len(content) // 2]
            self.close_connection = True
        self.wfile.write(content)
