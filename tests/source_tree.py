"""The repository's Python files and what they import, read without running them."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True, slots=True)
class Import:
    """One import: the dotted module that has it, and the dotted name it asks for."""

    module: str
    target: str
    line: int

    def __str__(self) -> str:
        return f"{self.module}:{self.line} imports {self.target}"


def python_files(package: str) -> list[Path]:
    """Return the package's source files, generated stubs aside."""
    return [path for path in sorted((ROOT / package).rglob("*.py")) if "_pb2" not in path.name]


def dotted_name(path: Path) -> str:
    """Return `engine.audio` for `engine/audio/__init__.py`, `engine.types` for its file."""
    parts = list(path.relative_to(ROOT).with_suffix("").parts)
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def parsed(path: Path) -> ast.Module:
    """Return the syntax tree of a file."""
    return ast.parse(path.read_text("utf-8"), filename=str(path))


def imports_of(package: str) -> Iterator[Import]:
    """Yield every import of a package, wherever in the file it stands."""
    for path in python_files(package):
        module = dotted_name(path)
        for node in ast.walk(parsed(path)):
            for target in _targets(node, path):
                yield Import(module, target, node.lineno)


def is_within(name: str, *packages: str) -> bool:
    """Return whether the dotted name is one of the packages or inside one."""
    return any(name == package or name.startswith(f"{package}.") for package in packages)


def _targets(node: ast.AST, path: Path) -> list[str]:
    """Return full dotted names; `from a import b` gives `a.b`, which may be a module."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if not isinstance(node, ast.ImportFrom):
        return []
    base = node.module or ""
    if node.level:
        package = list(path.relative_to(ROOT).parent.parts)
        above = package[: len(package) - node.level + 1]
        base = ".".join([*above, *([node.module] if node.module else [])])
    return [f"{base}.{alias.name}" for alias in node.names]
