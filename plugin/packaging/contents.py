"""Which files travel in each package, and where they lie in it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import yaml
from pathspec import GitIgnoreSpec

from plugin.packaging.errors import PackageError
from plugin.packaging.links import relinked

TOP_FILES = {"LICENSE", "PRIVACY.md", "README.md", "main.py", "manifest.yaml", "requirements.txt"}
TOP_FOLDERS = {"_assets", "plugin", "proto", "readme"}
IGNORE_FILE = ".difyignore"


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
            "/_assets/in-dify.png",
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
    return _arranged({path.as_posix(): (root / path).read_bytes() for path in paths}, recipe.moved)


def _places(paths: Iterable[str], moved: Mapping[str, str]) -> dict[str, str]:
    """Return where each path of the tree lies in the package."""
    places = {path: path for path in paths}
    for source, target in moved.items():
        for path in places:
            if path == source or (source.endswith("/") and path.startswith(source)):
                places[path] = target + path.removeprefix(source)
    return places


def _arranged(files: Mapping[str, bytes], moved: Mapping[str, str]) -> dict[str, bytes]:
    """Return `files` in their places, those that move over whatever else lay there."""
    places = _places(files, moved)
    order = sorted(files, key=lambda path: places[path] != path)
    sources = {places[path]: path for path in order}
    repository = _repository(files.get(sources.get("manifest.yaml", ""), b""))
    return {
        place: relinked(files[path].decode(), path, places, repository).encode()
        if path.endswith(".md")
        else files[path]
        for place, path in sources.items()
    }


def _repository(manifest: bytes) -> str:
    return str((yaml.safe_load(manifest) or {}).get("repo", ""))


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
