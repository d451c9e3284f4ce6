"""The archive that g2pW is published in, and the folder that is made of it."""

from __future__ import annotations

import shutil
import zipfile
import zlib
from pathlib import Path, PurePosixPath

from engine.checkpoints.polyphones import (
    FOLDER,
    NETWORK,
    PINYIN,
    SETTINGS,
    SEVERAL,
    SINGLE,
    VOCABULARY,
    check_folder,
)
from engine.errors import CheckpointError, InputError

REPOSITORY = "XXXXRT/GPT-SoVITS-Pretrained"
ARCHIVE = "G2PWModel.zip"
MOST_BYTES = 2**31  # of one file; the network has about 600 MB

_NEEDED = (NETWORK, SEVERAL, SINGLE, PINYIN)
_WELCOME = (SETTINGS, VOCABULARY)


def check_place(models: Path) -> None:
    """Raise InputError if g2pW is there already."""
    if (models / FOLDER).exists():
        raise InputError(f"{models / FOLDER} exists already: delete it to have it made anew")


def install_predictor(archive: Path, models: Path) -> Path:
    """Make the folder beside the bundles of `models`; it appears whole or not at all.

    Only files that are known by name are taken, wherever they lie in the archive, so nothing in
    it can reach another place.

    Raises:
        InputError: the folder is there.
        CheckpointError: the archive is damaged, lacks a file, or has one that is far too large.
        BundleError: the files are not those of g2pW.
        MissingDependencyError: ONNX Runtime is not installed.
    """
    check_place(models)
    unfinished = models / f".{FOLDER}.unfinished"
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)
    try:
        _unpack(archive, unfinished)
        check_folder(unfinished)
        return unfinished.rename(models / FOLDER)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def _unpack(archive: Path, target: Path) -> None:
    try:
        with zipfile.ZipFile(archive) as packed:
            members = _members(archive, packed)
            for name, member in members.items():
                with packed.open(member) as source, (target / name).open("wb") as file:
                    shutil.copyfileobj(source, file, 2**20)
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError) as error:
        raise CheckpointError(
            f"{archive} cannot be unpacked ({error}): delete it and run the command again"
        ) from error


def _members(archive: Path, packed: zipfile.ZipFile) -> dict[str, zipfile.ZipInfo]:
    """The wanted files by name; of several with one name the one that lies least deep."""
    found: dict[str, zipfile.ZipInfo] = {}
    for member in sorted(packed.infolist(), key=lambda each: each.filename.count("/")):
        path = PurePosixPath(member.filename)
        if path.name in (*_NEEDED, *_WELCOME) and "__MACOSX" not in path.parts:
            found.setdefault(path.name, member)
    missing = [name for name in _NEEDED if name not in found]
    if missing:
        raise CheckpointError(f"{archive} is not g2pW: it lacks {', '.join(missing)}")
    large = [name for name, member in found.items() if member.file_size > MOST_BYTES]
    if large:
        raise CheckpointError(f"{archive} is not g2pW: {', '.join(large)} is far too large")
    return found
