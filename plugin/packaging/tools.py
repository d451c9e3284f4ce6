"""The rules of a tool provider's YAML, and of its tools'."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import yaml

CREDENTIAL_TYPES = frozenset({"text-input", "secret-input", "select", "boolean"})
# Without `dynamic-select`: up to Dify 1.14 its list stays empty in a workflow's node, and an agent
# is told a type that no language model knows.
PARAMETER_TYPES = frozenset({"string", "number", "boolean", "select", "file", "files"})


def problems(provider: Mapping[str, Any], files: Mapping[str, bytes]) -> Iterator[str]:
    """Yield what is wrong with `provider` and its tools in a package of `files`."""
    source = provider["extra"]["python"]["source"]
    if source not in files:
        yield f"tools: {source} is not in the package"
    for key in ("icon", "icon_dark"):
        if f"_assets/{provider['identity'].get(key)}" not in files:
            yield f"tools: {key} is not in the package"
    for name, field in provider["credentials_for_provider"].items():
        if field["type"] not in CREDENTIAL_TYPES:
            yield f"tools: {name} has the unknown type {field['type']}"
        yield from _choices(f"tools: {name}", field)
    for path in provider["tools"]:
        if path in files:
            yield from _tool(path, yaml.safe_load(files[path]), files)
        else:
            yield f"tools: {path} is not in the package"


def _tool(path: str, tool: Mapping[str, Any], files: Mapping[str, bytes]) -> Iterator[str]:
    source = tool["extra"]["python"]["source"]
    if source not in files:
        yield f"{path}: {source} is not in the package"
    names = [parameter["name"] for parameter in tool["parameters"]]
    if len(set(names)) != len(names):
        yield f"{path}: a parameter stands there twice"
    for parameter in tool["parameters"]:
        name = f"{path}: {parameter['name']}"
        if parameter["type"] not in PARAMETER_TYPES:
            yield f"{name} has the unknown type {parameter['type']}"
        if parameter["form"] == "llm" and not parameter.get("llm_description"):
            yield f"{name} is filled in by a model and does not tell it what with"
        yield from _choices(name, parameter)


def _choices(name: str, field: Mapping[str, Any]) -> Iterator[str]:
    values = [option["value"] for option in field.get("options", ())]
    if not all(isinstance(value, str) for value in values):
        yield f"{name}: {values} must be quoted strings"
    if field["type"] == "select" and field.get("default") not in values:
        yield f"{name}: the default {field.get('default')!r} is not an option"
