"""The rules of manifest.yaml that Dify's daemon, its SDK and its Marketplace hold."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

REQUIRED = (
    *("version", "type", "author", "name", "label", "description", "icon", "created_at"),
    *("resource", "plugins", "meta", "privacy", "repo", "contact"),
)
TAGS = frozenset(
    (
        *("search", "image", "videos", "weather", "finance", "design", "travel", "social", "news"),
        *("medical", "productivity", "education", "business", "entertainment", "utilities"),
        *("agent", "rag", "other", "trigger"),
    )
)
LOCALES = frozenset({"en_US", "zh_Hans", "ja_JP", "pt_BR"})
HOSTS = ("github.com", "gitlab.com", "bitbucket.org", "gitee.com", "codeberg.org", "git.sr.ht")

# Dify's daemon takes any word after the hyphen, its SDK only what Python calls a version.
_VERSION = re.compile(r"\d{1,4}(\.\d{1,4}){2}(-rc\d{1,3})?")
_META_VERSION = re.compile(r"\d{1,4}(\.\d{1,4}){2}")
_AUTHOR = re.compile(r"[a-z0-9_-]{1,64}")
_NAME = re.compile(r"[a-z0-9_-]{1,128}")
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[a-z]+")
_RFC3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")


def problems(manifest: Mapping[str, Any], files: Mapping[str, bytes]) -> Iterator[str]:
    """Yield what is wrong with `manifest` in a package of `files`."""
    missing = [key for key in REQUIRED if key not in manifest]
    if missing:
        yield f"manifest.yaml lacks: {', '.join(missing)}"
        return
    yield from _identity(manifest)
    yield from _texts(manifest)
    yield from _references(manifest, files)
    yield from _runner(manifest["meta"])
    yield from _plugins(manifest["plugins"], files)


def _identity(manifest: Mapping[str, Any]) -> Iterator[str]:
    author, name = str(manifest["author"]), str(manifest["name"])
    if not _VERSION.fullmatch(str(manifest["version"])):
        yield f"version {manifest['version']} is neither x.y.z nor x.y.z-rc1"
    if manifest["type"] != "plugin":
        yield "type is not plugin"
    if not _AUTHOR.fullmatch(author):
        yield f"author {author} is not 1 to 64 of a-z 0-9 _ -"
    if not _NAME.fullmatch(name):
        yield f"name {name} is not 1 to 128 of a-z 0-9 _ -"
    if any(word in f"{author} {name}" for word in ("dify", "langgenius")):
        yield "author and name must not contain dify or langgenius"
    if not is_rfc3339(manifest["created_at"]):
        yield "created_at is not a quoted RFC 3339 time such as 2025-11-22T00:00:00Z"


def is_rfc3339(value: object) -> bool:
    """Return whether `value` is a string that Go reads as a time."""
    if not (isinstance(value, str) and _RFC3339.fullmatch(value)):
        return False
    try:
        datetime.fromisoformat(value)
    except ValueError:
        return False
    return True


def _texts(manifest: Mapping[str, Any]) -> Iterator[str]:
    for key in ("label", "description"):
        texts = manifest[key]
        if not 1 <= len(texts.get("en_US", "")) <= 1023:
            yield f"{key}.en_US must have 1 to 1023 characters"
        if unknown := set(texts) - LOCALES:
            yield f"{key} has locales that Dify drops: {sorted(unknown)}"
    if unknown_tags := set(manifest.get("tags", ())) - TAGS:
        yield f"tags that Dify does not know: {sorted(unknown_tags)}"
    if not _EMAIL.fullmatch(str(manifest["contact"])):
        yield "contact is not an e-mail address"


def _references(manifest: Mapping[str, Any], files: Mapping[str, bytes]) -> Iterator[str]:
    for key in ("icon", "icon_dark"):
        icon = manifest.get(key)
        if icon is not None and (len(icon) > 128 or f"_assets/{icon}" not in files):
            yield f"{key}: _assets/{icon} is not in the package"
    if manifest["privacy"] not in files:
        yield f"privacy: {manifest['privacy']} is not in the package"
    host = re.match(r"https://([^/]+)/[^/]+/[^/]+", str(manifest["repo"]))
    if host is None or host.group(1) not in HOSTS:
        yield "repo is not the https address of a public repository"
    memory = manifest["resource"].get("memory")
    if not (isinstance(memory, int) and memory > 0):
        yield "resource.memory is not a positive number of bytes"


def _runner(meta: Mapping[str, Any]) -> Iterator[str]:
    runner = meta.get("runner", {})
    if not _META_VERSION.fullmatch(str(meta.get("version", ""))):
        yield "meta.version is not x.y.z"
    if not set(meta.get("arch", ["missing"])) <= {"amd64", "arm64"}:
        yield "meta.arch is not a list of amd64 and arm64"
    if runner.get("language") != "python":
        yield "meta.runner.language is not python"
    if not isinstance(runner.get("version"), str):
        yield "meta.runner.version must be quoted, or the SDK dies at start"
    if runner.get("entrypoint") != "main":
        yield "meta.runner.entrypoint is not main, which the Marketplace's install test runs"
    if not isinstance(meta.get("minimum_dify_version", ""), str):
        yield "meta.minimum_dify_version must be quoted"


def _plugins(plugins: Mapping[str, Any], files: Mapping[str, bytes]) -> Iterator[str]:
    if set(plugins) not in ({"models"}, {"tools"}) or any(
        len(each) != 1 for each in plugins.values()
    ):
        yield "plugins must be exactly one provider, of models or of tools: Dify mixes them not"
    for path in [path for kind in plugins.values() for path in kind]:
        if len(path) > 128 or path not in files:
            yield f"plugins: {path} is not in the package"
