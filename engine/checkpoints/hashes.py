"""SHA-256 of files, to pin weights to the bytes that were reviewed."""

from __future__ import annotations

import hashlib
from pathlib import Path

from engine.errors import CheckpointError


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of the file, in lower-case hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def verify(path: Path, expected: str) -> None:
    """Raise CheckpointError unless the SHA-256 of `path` is `expected`."""
    found = sha256_of(path)
    if found != expected.lower():
        raise CheckpointError(f"the SHA-256 of {path} is {found}, not {expected}")
