"""Which files travel in each package, and where they lie in it."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pathspec import GitIgnoreSpec

from plugin.packaging.errors import PackageError

TOP_FILES = {"LICENSE", "PRIVACY.md", "README.md", "main.py", "manifest.yaml", "requirements.txt"}
TOP_FOLDERS = {"_assets", "plugin", "proto", "readme"}
IGNORE_FILE = ".difyignore"

_LINK = re.compile(r"\]\((?!\w+:|#)([^)]+)\)")


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a package is made of the tree, which itself is that of the provider.

    `kept` are lines of .difyignore that do not hold for it, `left_out` lines that hold for it
    alone. `moved` maps paths of the tree, or folders with a slash at the end, to the package's.
    """

    kept: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    moved: Mapping[str, str] = field(default_factory=dict)


# The README at the root is the repository's; whoever reads the package's has Dify before them.
PROVIDER = Recipe(kept=("/plugin/README.md",), moved={"plugin/README.md": "README.md"})
TOOLS = Recipe(
    kept=("/plugin/tools/",),
    left_out=(
        *(
            "/manifest.yaml",
            "/README.md",
            "/PRIVACY.md",
            "/readme/",
            "/_assets/logo*.svg",
            "/_assets/icon*.svg",
            "/_assets/in-dify.svg",
            "/_assets/workflow.svg",
            "/plugin/WORKFLOW.md",
        ),
        *("/plugin/provider/", "/plugin/gpt_sovits/models/", "/plugin/gpt_sovits/schema.py"),
    ),
    moved={
        "plugin/tools/manifest.yaml": "manifest.yaml",
        "plugin/tools/README.md": "README.md",
        "plugin/tools/PRIVACY.md": "PRIVACY.md",
        "plugin/tools/readme/": "readme/",
        "plugin/tools/_assets/": "_assets/",
    },
)


def package_files(root: Path, recipe: Recipe = PROVIDER) -> dict[str, bytes]:
    """Return the contents of the package's files by their path in it.

    Raises:
        PackageError: something at the top level is neither known nor ignored, or a rule or a
            file is of a kind that Dify treats otherwise than Git.
    """
    lines = (root / IGNORE_FILE).read_text(encoding="utf-8").splitlines()
    if negated := [line for line in lines if line.startswith("!")]:
        raise PackageError([f"{IGNORE_FILE}: Dify has no re-including: {line}" for line in negated])
    held = [line for line in lines if line not in recipe.kept]
    spec = GitIgnoreSpec.from_lines([*held, *recipe.left_out])
    paths = sorted(_walk(root, root, spec), key=lambda path: path.as_posix())
    strangers = sorted({path.parts[0] for path in paths} - TOP_FILES - TOP_FOLDERS)
    links = [path for path in paths if (root / path).is_symlink()]
    if strangers or links:
        raise PackageError(
            [f"{name} is not part of the plugin: name it in {IGNORE_FILE}" for name in strangers]
            + [f"{path} is a link, which Dify's tools cannot pack" for path in links]
        )
    return _moved({path.as_posix(): (root / path).read_bytes() for path in paths}, recipe.moved)


def _moved(files: dict[str, bytes], moved: Mapping[str, str]) -> dict[str, bytes]:
    """Return `files` with the moved ones in their new places, whatever else lay there."""
    arrived = {}
    for source, target in moved.items():
        for path in [path for path in files if path == source or _is_below(path, source)]:
            place = target + path.removeprefix(source)
            arrived[place] = _relinked(files.pop(path), path, place)
    return {**files, **arrived}


def _relinked(data: bytes, path: str, place: str) -> bytes:
    """Return a document with its links to other files as they are from its new place.

    What it links to must stay where it was, or at least at the same place beside it.
    """
    if not path.endswith(".md") or posixpath.dirname(path) == posixpath.dirname(place):
        return data

    def relinked(found: re.Match[str]) -> str:
        meant = posixpath.normpath(posixpath.join(posixpath.dirname(path), found[1]))
        return f"]({posixpath.relpath(meant, posixpath.dirname(place) or '.')})"

    return _LINK.sub(relinked, data.decode()).encode()


def _is_below(path: str, folder: str) -> bool:
    return folder.endswith("/") and path.startswith(folder)


def _walk(root: Path, folder: Path, spec: GitIgnoreSpec) -> Iterator[Path]:
    for child in folder.iterdir():
        path = child.relative_to(root)
        is_folder = child.is_dir() and not child.is_symlink()
        if spec.match_file(f"{path.as_posix()}/" if is_folder else path.as_posix()):
            continue
        if is_folder:
            yield from _walk(root, child, spec)
        else:
            yield path
