"""Single fields of Dify's forms, which hold strings or nothing."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

from plugin.gpt_sovits.errors import SettingError

_LABELS = MappingProxyType(
    {
        "tls": "TLS choice",
        "ca_certificate": "certificate of your authority",
        "mutual_ca_certificate": "certificate of your authority",
        "client_certificate": "certificate of Dify",
        "client_key": "private key",
    }
)


def text(given: Mapping[str, object], name: str) -> str:
    """Return the field `name` without the blanks around it; empty where it is missing."""
    value = given.get(name)
    return "" if value is None else str(value).strip()


def label(name: str) -> str:
    """Return what a message calls the field `name`."""
    return _LABELS.get(name, name.replace("_", " "))


def choice[E: StrEnum](given: Mapping[str, object], name: str, default: E) -> E:
    """Return the field `name` as one of the values of `default`'s kind.

    Raises:
        SettingError: it is none of them.
    """
    written, known = text(given, name), type(default)
    if written not in ("", *known):
        choices = ", ".join(known)
        raise SettingError(name, f"The {label(name)} is {written!r}. Choose one of: {choices}.")
    return known(written) if written else default
