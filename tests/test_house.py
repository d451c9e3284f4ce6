"""What must agree with each other across the repository's files."""

from __future__ import annotations

import ast
import re
import subprocess
import tomllib
from functools import cache
from pathlib import Path

import pytest
import yaml

from tests.source_tree import ROOT, parsed, python_files

TOP_LEVEL = {
    ".ci",
    ".difyignore",
    ".gitattributes",
    ".gitignore",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "LICENSE",
    "Makefile",
    "PRIVACY.md",
    "README.md",
    "_assets",
    "backend",
    "engine",
    "main.py",
    "manifest.yaml",
    "plugin",
    "proto",
    "pyproject.toml",
    "readme",
    "requirements.txt",
    "tests",
}
# Written in pieces, so that this file does not hold what it forbids.
FORBIDDEN = (
    r"/ro" r"ot/",
    r"/wo" r"rk/",
    r"/ho" r"me/[a-z]",
    r"/Us" r"ers/",
    r"index-" r"url",
    r"pypi\.(?:org|" r"tuna)",
    r"registry\." r"npmjs",
    r"file:" r"///",
)
LARGEST_FILE_BYTES = 50 * 2**20


@cache
def tracked_files() -> tuple[Path, ...]:
    """Return what git tracks, as paths from the root."""
    done = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True
    )
    return tuple(Path(name) for name in done.stdout.split("\0") if name and (ROOT / name).is_file())


@cache
def project() -> dict[str, dict[str, object]]:
    """Return pyproject.toml."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))


def requirement_lines() -> list[str]:
    """Return the requirements that Dify installs."""
    lines = (ROOT / "requirements.txt").read_text("utf-8").splitlines()
    return sorted(line.strip() for line in lines if line.strip() and not line.startswith("#"))


def test_requirements_are_the_plugin_extra() -> None:
    assert requirement_lines() == sorted(project()["project"]["optional-dependencies"]["plugin"])


def test_stubs_run_on_the_oldest_libraries_that_the_plugin_takes() -> None:
    floors = dict(re.findall(r"^(\w+)>=([\d.]+)", "\n".join(requirement_lines()), re.MULTILINE))
    stubs = ROOT / "proto" / "gptsovits" / "tts" / "v1"
    messages, services = (stubs / "tts_pb2.py", stubs / "tts_pb2_grpc.py")
    protobuf = re.search(r"Protobuf Python Version: ([\d.]+)", messages.read_text("utf-8"))
    grpc = re.search(r"GRPC_GENERATED_VERSION = '([\d.]+)'", services.read_text("utf-8"))
    assert protobuf is not None and _numbers(protobuf[1]) <= _numbers(floors["protobuf"])
    assert grpc is not None and _numbers(grpc[1]) <= _numbers(floors["grpcio"])


def test_version_is_the_same_everywhere() -> None:
    manifest = yaml.safe_load((ROOT / "manifest.yaml").read_text("utf-8"))
    changelog = (ROOT / "CHANGELOG.md").read_text("utf-8")
    newest = re.search(r"^## (\d+\.\d+\.\d+)", changelog, re.MULTILINE)
    assert newest is not None
    assert manifest["version"] == project()["project"]["version"] == newest[1]


def test_top_level_holds_nothing_unexpected() -> None:
    assert {path.parts[0] for path in tracked_files()} <= TOP_LEVEL


@pytest.mark.parametrize("pattern", FORBIDDEN)
def test_no_file_names_a_machine_or_a_registry(pattern: str) -> None:
    found = [
        str(path)
        for path in tracked_files()
        if path.suffix not in (".safetensors", ".wav", ".npz", ".png")
        if re.search(pattern, (ROOT / path).read_text("utf-8", errors="replace"))
    ]
    assert not found


def test_no_tracked_file_is_too_large_to_clone_comfortably() -> None:
    assert not [
        str(path) for path in tracked_files() if (ROOT / path).stat().st_size > LARGEST_FILE_BYTES
    ]


@pytest.mark.parametrize("part", ["engine", "backend", "plugin", "tests"])
def test_every_module_says_what_it_is(part: str) -> None:
    silent = [
        str(path.relative_to(ROOT))
        for path in python_files(part)
        if path.stat().st_size and ast.get_docstring(parsed(path)) is None
    ]
    assert not silent


@pytest.mark.parametrize("part", ["engine", "backend", "plugin"])
def test_checkpoints_are_never_unpickled_freely(part: str) -> None:
    for path in python_files(part):
        source = path.read_text("utf-8")
        assert "weights_only=False" not in source.replace(" ", ""), path
        assert "shell=True" not in source.replace(" ", ""), path


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split(".")))
