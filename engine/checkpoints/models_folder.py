"""A folder of bundles, one subfolder each, and what can be done with them."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from engine.checkpoints.bundle_folder import CONFIG, BundleConfig, read_config, verify
from engine.checkpoints.released_bundle import ReleasedFiles, make_bundle
from engine.errors import BundleError, InputError

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,62}")


@dataclass(frozen=True, slots=True)
class InstalledBundle:
    """A bundle in the folder; `size_bytes` is that of its pinned files."""

    folder: Path
    config: BundleConfig
    size_bytes: int


def installed(models: Path) -> list[InstalledBundle]:
    """The bundles in `models`, by name.

    Raises:
        BundleError: a description cannot be read.
    """
    return [_opened(path.parent) for path in sorted(models.glob(f"[!.]*/{CONFIG}"))]


def find(models: Path, name: str) -> InstalledBundle:
    """The bundle `name`.

    Raises:
        InputError: there is none.
        BundleError: its description cannot be read.
    """
    if not _NAME.fullmatch(name) or not (models / name / CONFIG).is_file():
        known = ", ".join(path.parent.name for path in models.glob(f"[!.]*/{CONFIG}"))
        raise InputError(f"{models} has no bundle {name!r}; known: {known or 'none'}")
    return _opened(models / name)


def install(
    files: ReleasedFiles,
    models: Path,
    name: str,
    report: Callable[[str], None],
    *,
    dtype: torch.dtype | None = torch.float32,
) -> InstalledBundle:
    """Make the bundle `name` of released files; it appears whole or not at all.

    Args:
        dtype: of the written weights; float32 is mapped into memory as it is when the bundle is
            loaded, None keeps what was stored, smaller and slower to load.

    Raises:
        InputError: the name is taken or is no name.
        BundleError: see `make_bundle`.
    """
    check_name(models, name)
    unfinished = models / f".{name}.unfinished"
    if unfinished.exists():
        shutil.rmtree(unfinished)
    try:
        make_bundle(files, unfinished, name=name, dtype=dtype, report=report)
        unfinished.rename(models / name)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    return _opened(models / name)


def check_name(models: Path, name: str) -> None:
    """Raise InputError unless a bundle can be added under this name."""
    if not _NAME.fullmatch(name):
        raise InputError(f"{name!r} is no name: letters, digits, - and _, at most 63")
    if (models / name).exists():
        raise InputError(f"{models / name} exists already: remove it first or take another name")


def verified(bundle: InstalledBundle) -> Iterator[str]:
    """Check the pinned files one by one, yielding the path of each that is as it should be.

    Raises:
        BundleError: a file is missing or differs from its hash.
    """
    for path, pinned in bundle.config.sha256.items():
        verify(bundle.folder, replace(bundle.config, sha256={path: pinned}))
        yield path


def remove(models: Path, name: str) -> None:
    """Delete a bundle, damaged or not.

    Raises:
        InputError: there is none.
    """
    try:
        folder = find(models, name).folder
    except BundleError:
        folder = models / name
    shutil.rmtree(folder)


def _opened(folder: Path) -> InstalledBundle:
    config = read_config(folder)
    present = [folder / path for path in config.sha256 if (folder / path).is_file()]
    return InstalledBundle(folder, config, sum(path.stat().st_size for path in present))
