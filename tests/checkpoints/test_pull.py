"""`python -m engine models pull`, from a hub on loopback to a bundle that is listed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from engine.checkpoints.releases import CHARACTERS, CONTENT, release_named
from tests.checkpoints import toy_release as toys
from tests.checkpoints.conftest import Make
from tests.checkpoints.hub_server import Hub, serving
from tests.source_tree import ROOT


@pytest.fixture
def published(make_acoustic: Make, tmp_path: Path) -> dict[str, bytes]:
    """The files of a toy v2, by their paths in the repository."""
    torch.manual_seed(0)
    release = release_named("v2")
    config = toys.acoustic_config()
    toys.write_content(tmp_path / CONTENT)
    toys.write_characters(tmp_path / CHARACTERS)
    shared = (path for name in (CONTENT, CHARACTERS) for path in (tmp_path / name).iterdir())
    return {
        release.acoustic: make_acoustic(
            weights=toys.acoustic_weights(config, 732), config=config
        ).read_bytes(),
        release.semantic: toys.write_semantic(tmp_path / "s1.ckpt", 732).read_bytes(),
        **{path.relative_to(tmp_path).as_posix(): path.read_bytes() for path in shared},
    }


def pull(endpoint: str, folder: Path, version: str = "v2") -> subprocess.CompletedProcess[str]:
    """Run the command as a user does: the hub's address is in the environment alone."""
    models, downloads = str(folder / "models"), str(folder / "released")
    arguments = ["pull", version, "--models", models, "--downloads", downloads]
    return subprocess.run(
        [sys.executable, "-m", "engine", "models", *arguments],
        check=False,
        cwd=ROOT,
        env=os.environ | {"HF_ENDPOINT": endpoint, "HF_HOME": str(folder / "home")},
        capture_output=True,
        text=True,
        timeout=280,
    )


def test_a_release_is_pulled_through_a_broken_connection(
    published: dict[str, bytes], tmp_path: Path
) -> None:
    with serving(Hub(published, breaks=2)) as hub:
        done = pull(hub.endpoint, tmp_path / "user")
    assert done.returncode == 0, done.stderr
    assert "v2, zh, en, ja, ko, yue" in done.stdout
    assert any(each.startswith("bytes=") for each in hub.ranges)
    for path, content in published.items():
        assert (tmp_path / "user" / "released" / path).read_bytes() == content
    assert (tmp_path / "user" / "models" / "v2" / "bundle.json").is_file()


def test_without_a_hub_the_command_says_what_to_do(tmp_path: Path) -> None:
    done = pull("http://127.0.0.1:1", tmp_path)
    assert done.returncode == 2
    assert "cannot be reached" in done.stderr and "HF_ENDPOINT" in done.stderr
    assert "Traceback" not in done.stderr
