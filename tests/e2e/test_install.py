"""Starts of the package beside Dify's daemon."""

from __future__ import annotations

import http.client
import os
import socket
import subprocess
import time
from pathlib import Path

import pytest

from tests.e2e.package_install import plugin_python, unpack_plugin

MARKETPLACE_LIMIT_S = 20.0


def free_port() -> int:
    """Return a port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def http_status(port: int) -> int | None:
    """Return the status of the front page, None while nothing answers."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        connection.request("GET", "/")
        return connection.getresponse().status
    except ConnectionError:
        return None
    finally:
        connection.close()


def test_the_marketplace_can_start_it(tmp_path: Path) -> None:
    unpacked, port = unpack_plugin(tmp_path), free_port()
    serverless = {"INSTALL_METHOD": "serverless", "SERVERLESS_PORT": str(port)}
    with (tmp_path / "output.log").open("wb") as output:
        process = subprocess.Popen(
            [plugin_python(unpacked), "-m", "main"],
            cwd=unpacked,
            env={"PATH": os.environ["PATH"], "SERVERLESS_HOST": "127.0.0.1", **serverless},
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    limit, status = time.monotonic() + MARKETPLACE_LIMIT_S, None
    while status is None and process.poll() is None and time.monotonic() < limit:
        time.sleep(0.1)
        status = http_status(port)
    process.terminate()
    process.wait(timeout=10)
    assert status in (200, 404), (tmp_path / "output.log").read_text()


def test_nothing_heavy_is_installed(tmp_path: Path) -> None:
    python = plugin_python(unpack_plugin(tmp_path))
    listing = [python, "-m", "pip", "list", "--format=freeze", "--disable-pip-version-check"]
    installed = subprocess.run(listing, check=True, capture_output=True, text=True).stdout.lower()
    for heavy in ("torch", "numpy", "transformers", "av=="):
        assert f"\n{heavy}" not in installed


@pytest.mark.parametrize("module", ["engine", "backend", "pyproject.toml", "plugin/packaging"])
def test_what_runs_the_server_does_not_travel(tmp_path: Path, module: str) -> None:
    assert not (unpack_plugin(tmp_path) / module).exists()
