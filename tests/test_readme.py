"""What the README tells people to type works as written."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys

import pytest

from backend.config import ClientSettings, Settings
from tests.source_tree import ROOT

README = (ROOT / "README.md").read_text("utf-8")
_BLOCKS = re.findall(r"^```sh\n(.*?)^```", README, re.DOTALL | re.MULTILINE)
COMMANDS = [
    line.split(" #")[0].strip()
    for block in _BLOCKS
    for line in block.replace("\\\n", " ").splitlines()
    if line.strip()
]
MAKE_COMMANDS = [command for command in COMMANDS if re.search(r"\bmake\b", command)]
PYTHON_COMMANDS = [command for command in COMMANDS if "python -m" in command]
ALLOWED_VARIABLES = {"PORT", "ONESHOT", "CASES", "KINDS", "ARGS"}


def make_targets() -> set[str]:
    """Return the targets of the Makefile."""
    makefile = (ROOT / "Makefile").read_text("utf-8")
    return set(re.findall(r"^([a-z][a-z-]*):", makefile, re.MULTILINE))


def test_every_command_is_of_a_kind_that_is_checked_here() -> None:
    assert COMMANDS
    assert set(COMMANDS) == {*MAKE_COMMANDS, *PYTHON_COMMANDS}


@pytest.mark.parametrize("command", MAKE_COMMANDS)
def test_make_command_names_a_target_and_known_variables(command: str) -> None:
    words = shlex.split(command)
    after = words[words.index("make") + 1 :]
    targets = [word for word in after if "=" not in word]
    variables = {word.split("=")[0] for word in words if "=" in word}
    assert targets
    assert set(targets) <= make_targets()
    assert all(name in ALLOWED_VARIABLES or name.startswith("GPTSOVITS_") for name in variables)


@pytest.mark.parametrize("command", PYTHON_COMMANDS)
def test_python_command_is_understood_with_all_its_options(command: str) -> None:
    words = shlex.split(command)
    arguments = words[words.index("-m") :]
    first_option = next((i for i, word in enumerate(arguments) if word.startswith("--")), None)
    path = _subcommands(arguments[:first_option])
    shown = subprocess.run(
        [sys.executable, *path, "--help"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
        env={"COLUMNS": "200", "NO_COLOR": "1", "TERM": "dumb"},
    ).stdout
    options = {word for word in arguments if word.startswith("--")}
    assert options <= set(re.findall(r"--[a-z][a-z-]*", shown))


@pytest.mark.parametrize("name", sorted(set(re.findall(r"`(GPTSOVITS_[A-Z_]+)", README))))
def test_documented_variable_is_a_setting(name: str) -> None:
    fields = {*Settings.model_fields, *ClientSettings.model_fields}
    assert name.removeprefix("GPTSOVITS_").lower() in fields


@pytest.mark.parametrize(
    "path", sorted(set(re.findall(r"`((?:plugin|backend|engine)/[^`]+)`", README)))
)
def test_named_file_exists(path: str) -> None:
    assert (ROOT / path).exists()


def test_linked_files_exist() -> None:
    links = re.findall(r"\]\((?!https?:|#)([^)]+)\)", README)
    assert links
    assert all((ROOT / link).exists() for link in links)


def test_readme_is_short_enough_to_be_read() -> None:
    assert len(README.splitlines()) < 200


def _subcommands(arguments: list[str]) -> list[str]:
    """Drop the values of positional arguments, such as a new voice's id."""
    return arguments[:4] if arguments[2] in ("voices", "models") else arguments
