"""Folders of files that appear whole or not at all.

A folder is filled beside its place, flushed to the disk and then renamed, which is atomic. What
a kill leaves half done lies in `staging` and is swept at the next start.
"""

from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import Callable, Collection
from pathlib import Path

from backend.errors import StorageError

Writer = Callable[[Path], None]


class BlobFolders:
    """Keeps named folders of files below `root`."""

    def __init__(self, root: Path) -> None:
        self._root = root / "voices"
        self._staging = root / "staging"
        for folder in (self._root, self._staging):
            folder.mkdir(parents=True, exist_ok=True)

    def path(self, name: str) -> Path:
        """Return where the folder lies, or would lie."""
        return self._root / name

    def add(self, write: Writer) -> str:
        """Return the fresh name of a folder that `write(folder)` has filled.

        Raises:
            StorageError: it cannot be written.
        """
        name = uuid.uuid4().hex
        staged = self._staging / name
        try:
            staged.mkdir()
            write(staged)
            for file in staged.iterdir():
                _flush(file)
            _flush(staged)
            staged.rename(self.path(name))
            _flush(self._root)
        except OSError as error:
            raise StorageError("a voice cannot be written", error) from error
        finally:
            shutil.rmtree(staged, ignore_errors=True)
        return name

    def add_file(self, name: str, file_name: str, write: Writer) -> None:
        """Put one more file, which `write(path)` makes, into a folder; replaces it if there.

        Raises:
            StorageError: it cannot be written.
        """
        staged = self._staging / f"{uuid.uuid4().hex}-{file_name}"
        try:
            write(staged)
            _flush(staged)
            staged.replace(self.path(name) / file_name)
            _flush(self.path(name))
        except OSError as error:
            raise StorageError("a voice cannot be written", error) from error
        finally:
            staged.unlink(missing_ok=True)

    def remove(self, name: str) -> None:
        """Delete a folder and all that is in it; none of this name is no error."""
        if self.path(name).exists():
            shutil.rmtree(self.path(name))

    def sweep(self, keep: Collection[str]) -> int:
        """Delete what is staged and every folder not in `keep`; return how many went.

        Only for the start of the only server on this data: it would delete work under way.
        """
        leftovers = [*self._staging.iterdir()]
        leftovers += [folder for folder in self._root.iterdir() if folder.name not in keep]
        for path in leftovers:
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        return len(leftovers)


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
