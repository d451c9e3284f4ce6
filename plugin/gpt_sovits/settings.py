"""Dify's credential form, read once into a frozen value.

Dify sends strings only, leaves out what is empty, and does not promise that a field is there.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from plugin.gpt_sovits.errors import SettingError

DEFAULT_PORT = 50051
DEFAULT_TIMEOUT_S = 60.0
VOICE_OWN_LANGUAGE = "voice"

_PEM_BLOCK = re.compile(r"-----BEGIN CERTIFICATE-----(.*?)-----END CERTIFICATE-----", re.DOTALL)
_HOST = re.compile(r"\[[0-9A-Fa-f:.%\w]+\]|[A-Za-z0-9._-]+")


class Tls(StrEnum):
    """How the connection is protected."""

    OFF = "off"
    PUBLIC = "public"
    OWN_CA = "own_ca"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A server and how to speak to it; equal endpoints share one connection."""

    address: str
    api_key: str = field(default="", repr=False)
    tls: Tls = Tls.OFF
    ca_certificate: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Settings:
    """One model of the workspace.

    `default_voice` is an id or empty. `language` is a code, `auto`, or empty for the voice's own
    language. `timeout_s` bounds how long the server may stay silent, not the whole speech.
    """

    endpoint: Endpoint
    default_voice: str = ""
    language: str = "auto"
    speed: float = 1.0
    timeout_s: float = DEFAULT_TIMEOUT_S


def read_settings(credentials: Mapping[str, object]) -> Settings:
    """Return the settings that the form's strings mean.

    Raises:
        SettingError: a field is missing or wrong.
    """
    language = _text(credentials, "language") or "auto"
    return Settings(
        endpoint=_endpoint(credentials),
        default_voice=voice_id(_text(credentials, "default_voice")),
        language="" if language == VOICE_OWN_LANGUAGE else language,
        speed=_number(credentials, "speed", 1.0, (0.25, 4.0)),
        timeout_s=_number(credentials, "timeout", DEFAULT_TIMEOUT_S, (1.0, 500.0)),
    )


def voice_id(voice: str) -> str:
    """Return the bare id of a voice that is given as `alice` or `voices/alice`."""
    return voice.strip().removeprefix("voices/")


def _endpoint(credentials: Mapping[str, object]) -> Endpoint:
    tls = _text(credentials, "tls") or Tls.OFF.value
    if tls not in tuple(Tls):
        raise SettingError("tls", f"TLS is {tls!r}; it can be: {', '.join(Tls)}.")
    own_ca = tls == Tls.OWN_CA
    return Endpoint(
        address=_address(_text(credentials, "server_address")),
        api_key=_api_key(_text(credentials, "api_key")),
        tls=Tls(tls),
        ca_certificate=_certificates(_text(credentials, "ca_certificate")) if own_ca else "",
    )


def _text(credentials: Mapping[str, object], name: str) -> str:
    value = credentials.get(name)
    return "" if value is None else str(value).strip()


def _number(
    credentials: Mapping[str, object], name: str, default: float, limits: tuple[float, float]
) -> float:
    text, (low, high) = _text(credentials, name), limits
    try:
        value = float(text) if text else default
    except ValueError:
        value = math.nan
    if not low <= value <= high:
        raise SettingError(name, f"{name} is {text!r}; it must be a number from {low} to {high}.")
    return value


def _address(text: str) -> str:
    """Return `host:port` of an address that may carry a scheme and may lack the port."""
    bare = re.sub(r"^[a-z]+://", "", text).rstrip("/")
    host, colon, port = bare.rpartition(":") if not bare.endswith("]") else (bare, "", "")
    if not colon:
        host, port = bare, str(DEFAULT_PORT)
    port_is_right = port.isascii() and port.isdigit() and 0 < int(port) < 65536
    if not (_HOST.fullmatch(host) and port_is_right):
        raise SettingError(
            "server_address",
            f"The server address {text!r} is not host:port. Example: tts.example.org:50051.",
        )
    return f"{host}:{port}"


def _api_key(text: str) -> str:
    """Return the key if it can travel as metadata; gRPC's own error would quote it."""
    if not all(" " < character < "\x7f" for character in text):
        raise SettingError(
            "api_key", "The API key has spaces or characters that no key has. Enter it again."
        )
    return text


def _certificates(text: str) -> str:
    """Return clean PEM; a single-line input field has taken the line breaks out of it."""
    blocks = [re.sub(r"\s|\\n", "", body) for body in _PEM_BLOCK.findall(text)]
    if not blocks or not all(re.fullmatch(r"[A-Za-z0-9+/]+=*", block) for block in blocks):
        raise SettingError(
            "ca_certificate",
            "The CA certificate is not PEM. Paste all of the file, from "
            "-----BEGIN CERTIFICATE----- to -----END CERTIFICATE-----.",
        )
    return "".join(_pem(block) for block in blocks)


def _pem(block: str) -> str:
    lines = [block[start : start + 64] for start in range(0, len(block), 64)]
    return "\n".join(["-----BEGIN CERTIFICATE-----", *lines, "-----END CERTIFICATE-----", ""])
