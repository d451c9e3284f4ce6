"""A machine without espeak-ng skips what needs it, unless it is told to have all programs."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.source_tree import ROOT

NEEDS_ESPEAK = "tests/pipeline/test_bundle_languages.py::test_a_mapped_language_is_spoken"


@pytest.mark.parametrize(
    ("required", "status", "told"),
    [({}, 0, "1 skipped"), ({"REQUIRE_PROGRAMS": "1"}, 1, "1 failed")],
)
def test_missing_program_is_skipped_or_fails(
    required: dict[str, str], status: int, told: str
) -> None:
    kept = {name: value for name, value in os.environ.items() if name != "REQUIRE_PROGRAMS"}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", NEEDS_ESPEAK],
        cwd=ROOT,
        env={**kept, **required, "PATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == status, done.stdout + done.stderr
    assert told in done.stdout
    assert "apt install espeak-ng" in done.stdout
