"""Starts of the package beside Dify's daemon."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.e2e.package_install import plugin_python, unpack_plugin
from tests.e2e.serverless import ServerlessPlugin

MARKETPLACE_LIMIT_S = 20.0


def test_the_marketplace_can_start_it(tmp_path: Path) -> None:
    unpacked = unpack_plugin(tmp_path)
    plugin = ServerlessPlugin(plugin_python(unpacked), unpacked)
    try:
        assert plugin.front_page_status in (200, 404)
        assert "Serving Flask app" in plugin.output
        assert plugin.start_s < MARKETPLACE_LIMIT_S
    finally:
        plugin.close()


def test_nothing_heavy_is_installed(tmp_path: Path) -> None:
    python = plugin_python(unpack_plugin(tmp_path))
    listing = [python, "-m", "pip", "list", "--format=freeze", "--disable-pip-version-check"]
    installed = subprocess.run(listing, check=True, capture_output=True, text=True).stdout.lower()
    for heavy in ("torch", "numpy", "transformers", "av=="):
        assert f"\n{heavy}" not in installed


@pytest.mark.parametrize("module", ["engine", "backend", "pyproject.toml", "plugin/packaging"])
def test_what_runs_the_server_does_not_travel(tmp_path: Path, module: str) -> None:
    assert not (unpack_plugin(tmp_path) / module).exists()
