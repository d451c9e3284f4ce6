"""A plugin that connects to Dify over TCP, as in remote debugging."""

from __future__ import annotations

import base64
import json
import socket
import threading
from pathlib import Path
from typing import Any

from tests.e2e.daemon import START_LIMIT_S, start_plugin, stop_plugin
from tests.e2e.sessions import LineSide

INSTALL_KEY = "a-key-for-remote-debugging"


class RemotePlugin(LineSide):
    """The debugging port of Dify's daemon with one plugin on it.

    `declarations` holds what the plugin declared about itself, by kind; `assets` its files.
    """

    def __init__(self, python: Path, folder: Path) -> None:
        super().__init__()
        self.declarations: dict[str, Any] = {}
        self.assets: dict[str, bytes] = {}
        self._write_lock = threading.Lock()
        with socket.create_server(("127.0.0.1", 0)) as door:
            door.settimeout(START_LIMIT_S)
            port = str(door.getsockname()[1])
            remote = {"INSTALL_METHOD": "remote", "REMOTE_INSTALL_KEY": INSTALL_KEY}
            where = {"REMOTE_INSTALL_HOST": "127.0.0.1", "REMOTE_INSTALL_PORT": port}
            self._process = start_plugin(python, folder, {**remote, **where})
            self._socket, _ = door.accept()
        self._lines = self._socket.makefile("rb")
        self._shake_hands()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def send(self, line: bytes) -> None:
        """Write one line to the plugin."""
        with self._write_lock:
            self._socket.sendall(line)

    def close(self) -> None:
        """End the process and the connection."""
        stop_plugin(self._process)
        self._reader.join(timeout=10)
        self._lines.close()
        self._socket.close()

    def _shake_hands(self) -> None:
        """Read what the plugin declares, from its key to the last piece of its assets."""
        for line in self._lines:
            if not line.strip():
                continue
            message = json.loads(line)
            kind, data = message["type"], message["data"]
            if kind == "end":
                return
            if kind == "asset_chunk":
                known = self.assets.get(data["filename"], b"")
                self.assets[data["filename"]] = known + base64.b64decode(data["data"])
            else:
                self.declarations[kind] = data

    def _read(self) -> None:
        try:
            for line in map(bytes.strip, self._lines):
                if line:
                    self.dispatch(line)
        except ConnectionResetError:  # the plugin was ended with words of ours unread
            return
