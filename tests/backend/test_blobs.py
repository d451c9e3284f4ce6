"""Folders appear whole or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from backend.errors import StorageError
from backend.storage.blobs import BlobFolders


def test_folder_appears_with_all_its_files(tmp_path: Path) -> None:
    folders = BlobFolders(tmp_path)
    seen: list[bool] = []

    def write(folder: Path) -> None:
        (folder / "one").write_bytes(b"1")
        seen.append(any((tmp_path / "voices").iterdir()))

    name = folders.add(write)
    assert seen == [False]
    assert (folders.path(name) / "one").read_bytes() == b"1"
    assert not list((tmp_path / "staging").iterdir())


def test_failed_writer_leaves_nothing(tmp_path: Path) -> None:
    folders = BlobFolders(tmp_path)

    def fail(folder: Path) -> None:
        (folder / "one").write_bytes(b"1")
        raise OSError("the disk is full")

    with pytest.raises(StorageError, match="full"):
        folders.add(fail)
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]
    assert not list((tmp_path / "voices").iterdir())


def test_added_file_replaces_the_one_that_was_there(tmp_path: Path) -> None:
    folders = BlobFolders(tmp_path)
    name = folders.add(lambda folder: None)
    for data in (b"1", b"2"):
        folders.add_file(name, "one", lambda path, data=data: path.write_bytes(data))
    assert (folders.path(name) / "one").read_bytes() == b"2"


def test_sweep_deletes_what_nobody_names(tmp_path: Path) -> None:
    folders = BlobFolders(tmp_path)
    kept, lost = folders.add(lambda folder: None), folders.add(lambda folder: None)
    (tmp_path / "staging" / "half").mkdir()
    assert folders.sweep({kept}) == 2
    assert folders.path(kept).is_dir()
    assert not folders.path(lost).exists()
    folders.remove(lost)
