"""The rules of the package's other files: requirements, README, translations, sizes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from plugin.packaging.links import LINK, PICTURES

LARGEST_PACKAGE_BYTES = 1_000_000  # unpacked, and ours; Dify takes 50 MiB
RASTER = (".png", ".jpg", ".webp")
SECTIONS = ("set-up", "usage", "credentials", "connection")

_CODE_BLOCK = re.compile(r"```.*?```", re.DOTALL)
_CJK = re.compile(r"[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af]")
_TRANSLATION = re.compile(r"readme/README_[a-z]{2}_[A-Za-z]{2,}\.md")
_BOUNDED = re.compile(r"[A-Za-z0-9_.-]+(>=[\d.]+,<[\d.]+|==[\d.]+)")
_UNWANTED = re.compile(r"(^|/)(\.git|\.venv|__pycache__|\.env)(/|$)|\.(pem|key|log|py[cod]|proto)$")


def problems(manifest: Mapping[str, Any], files: Mapping[str, bytes]) -> Iterator[str]:
    """Yield what is wrong with `files` beside the YAML."""
    needed = ("README.md", "PRIVACY.md", "requirements.txt", "main.py")
    missing = [path for path in needed if not files.get(path, b"").strip()]
    if missing:
        yield f"missing or empty: {', '.join(missing)}"
        return
    yield from _requirements(files["requirements.txt"].decode())
    yield from _readme(files["README.md"].decode(), str(manifest.get("repo")))
    for path in files:
        if path.startswith("readme/") and not _TRANSLATION.fullmatch(path):
            yield f"{path} is not named as README_xx_XXXX.md"
        if _UNWANTED.search(path):
            yield f"{path} has no business in a package"
    yield from _links(files)
    if "pyproject.toml" in files:
        yield "pyproject.toml would make Dify install the whole backend"
    if (size := sum(map(len, files.values()))) > LARGEST_PACKAGE_BYTES:
        yield f"{size} bytes is larger than {LARGEST_PACKAGE_BYTES}"


def _links(files: Mapping[str, bytes]) -> Iterator[str]:
    for path in files:
        if path.endswith(".md"):
            for link in LINK.findall(files[path].decode()):
                yield from _link(path, link, files)


def _link(path: str, link: str, files: Mapping[str, bytes]) -> Iterator[str]:
    if not link.startswith(PICTURES):
        yield f"{path} links to {link}: Dify finds pictures in {PICTURES} alone"
    elif link.removeprefix("./") not in files:
        yield f"{path} shows {link}, which is not in the package"
    elif not link.endswith(RASTER):
        yield f"{path} shows {link}: Dify's page tells browsers no type, and they ask SVG for one"


def _requirements(text: str) -> Iterator[str]:
    lines = [line.replace(" ", "") for line in text.splitlines() if line.strip()]
    for line in lines:
        if not _BOUNDED.fullmatch(line):
            yield f"requirements.txt: {line} is not bounded on both sides"
    if not any(re.match(r"dify[_-]plugin>=(0\.9|0\.\d\d|[1-9])", line) for line in lines):
        yield "requirements.txt: dify_plugin must be 0.9.0 or later"


def _readme(text: str, repo: str) -> Iterator[str]:
    if _CJK.search(_CODE_BLOCK.sub("", text)):
        yield "README.md has CJK characters outside of code blocks; translations go to readme/"
    if repo not in text:
        yield f"README.md does not name {repo}"
    plain = text.lower().replace("setup", "set-up").replace("set up", "set-up")
    for section in SECTIONS:
        if section not in plain:
            yield f"README.md does not speak of {section}"
