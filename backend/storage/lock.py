"""The lock that keeps two servers off one data folder."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from backend.errors import ConfigurationError

FILE_NAME = "lock"


class FolderLock:
    """Held until `release`, or until the process ends, however it ends."""

    def __init__(self, folder: Path) -> None:
        """Take the lock of `folder`, which is made if it is missing.

        Raises:
            ConfigurationError: another server holds it, or it cannot be written.
        """
        self._descriptor = _opened(folder)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            os.close(self._descriptor)
            raise ConfigurationError(
                f"another server keeps its voices in {folder}: give each its own data_dir"
            ) from error

    def release(self) -> None:
        """Let another server have the folder."""
        os.close(self._descriptor)


def _opened(folder: Path) -> int:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return os.open(folder / FILE_NAME, os.O_CREAT | os.O_RDWR, 0o644)
    except OSError as error:
        raise ConfigurationError(
            f"voices cannot be kept in {folder} ({error.strerror}): name a folder that can be "
            "written, by GPTSOVITS_DATA_DIR"
        ) from error
