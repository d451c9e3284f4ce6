"""Single fields of Dify's forms, which hold strings or nothing."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from plugin.gpt_sovits.errors import SettingError


def text(given: Mapping[str, object], name: str) -> str:
    """Return the field `name` without the blanks around it; empty where it is missing."""
    value = given.get(name)
    return "" if value is None else str(value).strip()


def choice[E: StrEnum](given: Mapping[str, object], name: str, default: E) -> E:
    """Return the field `name` as one of the values of `default`'s kind.

    Raises:
        SettingError: it is none of them.
    """
    written, known = text(given, name), type(default)
    if written not in ("", *known):
        raise SettingError(name, f"{name} is {written!r}; it can be: {', '.join(known)}.")
    return known(written) if written else default
