"""The rules of the provider's YAML."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

FORM_TYPES = frozenset({"text-input", "secret-input", "select", "radio", "switch"})
ICONS = ("icon_small", "icon_large", "icon_small_dark", "icon_large_dark")
LONGEST_VALUE = 255


def problems(provider: Mapping[str, Any], files: Mapping[str, bytes]) -> Iterator[str]:
    """Yield what is wrong with `provider` in a package of `files`."""
    python = provider["extra"]["python"]
    for source in (python["provider_source"], *python["model_sources"]):
        if source not in files:
            yield f"provider: {source} is not in the package"
        if source in python["model_sources"] and source.count("/") < 2:
            yield f"provider: {source} is not three folders deep, as Dify's SDK expects"
    for key in ICONS:
        for icon in provider.get(key, {}).values():
            if f"_assets/{icon}" not in files:
                yield f"provider: {key}: _assets/{icon} is not in the package"
    yield from _form(provider["model_credential_schema"]["credential_form_schemas"])


def _form(fields: list[Mapping[str, Any]]) -> Iterator[str]:
    names = [field["variable"] for field in fields]
    if len(names) > 32 or len(set(names)) != len(names):
        yield "provider: more than 32 fields, or one twice"
    for field in fields:
        yield from _field(field, names)


def _field(field: Mapping[str, Any], names: list[str]) -> Iterator[str]:
    name = field["variable"]
    if field["type"] not in FORM_TYPES:
        yield f"provider: {name} has the unknown type {field['type']}"
    if not field.get("label", {}).get("en_US"):
        yield f"provider: {name} has no English label"
    values = [option.get("value") for option in field.get("options", ())]
    default = field.get("default")
    for value in (*values, *(() if default is None else (default,))):
        if not isinstance(value, str) or len(value) > LONGEST_VALUE:
            yield f"provider: {name}: {value!r} must be a short, quoted string"
    if field["type"] in ("select", "radio") and default not in (None, *values):
        yield f"provider: {name}: the default {default!r} is not an option"
    shown = field.get("show_on", ())
    if len(shown) > 16 or any(rule["variable"] not in names for rule in shown):
        yield f"provider: {name}: show_on names a field that there is not"
