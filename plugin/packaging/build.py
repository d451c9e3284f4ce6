"""From the tree to a .difypkg."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from itertools import chain
from pathlib import Path

import yaml

from plugin.packaging import manifest as manifest_rules
from plugin.packaging import papers as paper_rules
from plugin.packaging import provider as provider_rules
from plugin.packaging import tools as tool_rules
from plugin.packaging.contents import PROVIDER, Recipe, package_files
from plugin.packaging.errors import PackageError

# Zip knows no earlier time, and one that is always the same makes the same bytes.
EPOCH = (1980, 1, 1, 0, 0, 0)
FILE_MODE = 0o100644


def build_package(root: Path, folder: Path, recipe: Recipe = PROVIDER) -> Path:
    """Write `<name>-<version>.difypkg` of the tree at `root` into `folder`; return its path.

    The same tree gives the same bytes, on every machine: nothing is compressed, for what comes
    of compression depends on the library that does it.

    Raises:
        PackageError: Dify would not accept it.
    """
    files = package_files(root, recipe)
    check_package(files)
    manifest = yaml.safe_load(files["manifest.yaml"])
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{manifest['name']}-{manifest['version']}.difypkg"
    _write_zip(path, files)
    return path


def check_package(files: Mapping[str, bytes]) -> None:
    """Hold `files`, by path, to Dify's rules.

    Raises:
        PackageError: with every rule that is broken.
    """
    if "manifest.yaml" not in files:
        raise PackageError(["manifest.yaml is not in the package"])
    manifest = yaml.safe_load(files["manifest.yaml"])
    found = [*manifest_rules.problems(manifest, files), *paper_rules.problems(manifest, files)]
    for kind, rules in (("models", provider_rules), ("tools", tool_rules)):
        providers = manifest.get("plugins", {}).get(kind, [])
        present = [yaml.safe_load(files[path]) for path in providers if path in files]
        found += chain.from_iterable(rules.problems(each, files) for each in present)
    if found:
        raise PackageError(found)


def _write_zip(path: Path, files: Mapping[str, bytes]) -> None:
    unfinished = path.with_suffix(".part")
    with zipfile.ZipFile(unfinished, "w") as archive:
        for name in sorted(files):
            entry = zipfile.ZipInfo(name, date_time=EPOCH)
            entry.create_system = 3  # Unix, wherever it is built
            entry.external_attr = FILE_MODE << 16
            archive.writestr(entry, files[name], zipfile.ZIP_STORED)
    unfinished.replace(path)
