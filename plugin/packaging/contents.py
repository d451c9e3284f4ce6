"""Which files travel in the package."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from pathspec import GitIgnoreSpec

from plugin.packaging.errors import PackageError

TOP_FILES = {"LICENSE", "PRIVACY.md", "README.md", "main.py", "manifest.yaml", "requirements.txt"}
TOP_FOLDERS = {"_assets", "plugin", "proto", "readme"}
IGNORE_FILE = ".difyignore"


def package_files(root: Path) -> dict[str, bytes]:
    """Return the contents of all files below `root` that .difyignore lets through, by path.

    Raises:
        PackageError: something at the top level is neither known nor ignored, or a rule or a
            file is of a kind that Dify treats otherwise than Git.
    """
    lines = (root / IGNORE_FILE).read_text(encoding="utf-8").splitlines()
    if negated := [line for line in lines if line.startswith("!")]:
        raise PackageError([f"{IGNORE_FILE}: Dify has no re-including: {line}" for line in negated])
    spec = GitIgnoreSpec.from_lines(lines)
    paths = sorted(_walk(root, root, spec), key=lambda path: path.as_posix())
    strangers = sorted({path.parts[0] for path in paths} - TOP_FILES - TOP_FOLDERS)
    links = [path for path in paths if (root / path).is_symlink()]
    if strangers or links:
        raise PackageError(
            [f"{name} is not part of the plugin: name it in {IGNORE_FILE}" for name in strangers]
            + [f"{path} is a link, which Dify's tools cannot pack" for path in links]
        )
    return {path.as_posix(): (root / path).read_bytes() for path in paths}


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
