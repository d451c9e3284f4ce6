"""Where a speech server is and how to reach it: the connection fields of Dify's forms."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from plugin.gpt_sovits import pem
from plugin.gpt_sovits.errors import SettingError
from plugin.gpt_sovits.fields import choice, text

DEFAULT_PORT = 50051

_EXAMPLE = "like tts.example.org:50051"
_BARE_IPV6 = re.compile(r"[0-9A-Fa-f]*:[0-9A-Fa-f.]*:[0-9A-Fa-f:.]*(%\w+)?(:\d+)?")
_HOST = re.compile(r"\[[0-9A-Fa-f:.%\w]+\]|[A-Za-z0-9._-]+")


class Tls(StrEnum):
    """How the connection is protected; `MUTUAL` proves the plugin to the server, too."""

    OFF = "off"
    PUBLIC = "public"
    OWN_CA = "own_ca"
    MUTUAL = "mutual"


class Proxy(StrEnum):
    """Whether calls go through the HTTP proxy that the environment of Dify's plugins names."""

    DIRECT = "direct"
    ENVIRONMENT = "environment"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A server and how to speak to it; equal endpoints share one connection.

    Certificates and the key are PEM or empty. Without `ca_certificate` the public authorities
    are trusted.
    """

    address: str
    api_key: str = field(default="", repr=False)
    tls: Tls = Tls.OFF
    ca_certificate: str = field(default="", repr=False)
    client_certificate: str = field(default="", repr=False)
    client_key: str = field(default="", repr=False)
    proxy: Proxy = Proxy.DIRECT


def read_endpoint(credentials: Mapping[str, object]) -> Endpoint:
    """Return the endpoint that the form's strings mean.

    Raises:
        SettingError: a field is missing or wrong; it never quotes a key.
    """
    tls = choice(credentials, "tls", Tls.OFF)
    return Endpoint(
        address=_address(text(credentials, "server_address")),
        api_key=_api_key(text(credentials, "api_key")),
        tls=tls,
        ca_certificate=_ca_certificate(credentials, tls),
        client_certificate=_client_certificate(credentials, tls),
        client_key=_client_key(credentials, tls),
        proxy=choice(credentials, "proxy", Proxy.DIRECT),
    )


def _ca_certificate(credentials: Mapping[str, object], tls: Tls) -> str:
    if tls is Tls.OWN_CA:
        return pem.certificates("ca_certificate", text(credentials, "ca_certificate"))
    # Dify shows a field under one condition only, so the same thing has a second name here.
    written = text(credentials, "mutual_ca_certificate") if tls is Tls.MUTUAL else ""
    return pem.certificates("mutual_ca_certificate", written) if written else ""


def _client_certificate(credentials: Mapping[str, object], tls: Tls) -> str:
    if tls is not Tls.MUTUAL:
        return ""
    return pem.certificates("client_certificate", text(credentials, "client_certificate"))


def _client_key(credentials: Mapping[str, object], tls: Tls) -> str:
    if tls is not Tls.MUTUAL:
        return ""
    return pem.private_key("client_key", text(credentials, "client_key"))


def _address(written: str) -> str:
    """Return `host:port` of an address that may carry a scheme and may lack the port."""
    if not written:
        raise SettingError("server_address", f"Enter the server address, {_EXAMPLE}.")
    if re.search("[@?]", written):  # not quoted, as there may be a password beside the sign
        raise SettingError(
            "server_address",
            f"The server address must hold no user and no key. Enter it {_EXAMPLE}, and the key in "
            "its own field.",
        )
    # Input methods for Chinese and Japanese write a full-width colon.
    bare = re.sub(r"^[a-z]+://", "", unicodedata.normalize("NFKC", written), flags=re.I)
    bare = bare.rstrip("/")
    if _BARE_IPV6.fullmatch(bare):  # whose last part might be meant as the port
        raise SettingError(
            "server_address",
            f"The server address {written!r} has colons within. Enter an IPv6 address in brackets, "
            "like [fd00::1]:50051.",
        )
    host, colon, port = bare.rpartition(":") if not bare.endswith("]") else (bare, "", "")
    if not colon:
        host, port = bare, str(DEFAULT_PORT)
    port_is_right = port.isascii() and port.isdigit() and 0 < int(port) < 65536
    if not (_HOST.fullmatch(host) and port_is_right):
        raise SettingError(
            "server_address",
            f"The server address {written!r} is not host:port. Enter it {_EXAMPLE}, without path.",
        )
    return f"{host}:{port}"


def _api_key(written: str) -> str:
    """Return the key if it can travel as metadata; gRPC's own error would quote it."""
    if not all(" " < character < "\x7f" for character in written):
        raise SettingError(
            "api_key",
            "The API key has blanks, line breaks or signs within that no key has. Copy it again "
            "from the server's GPTSOVITS_API_KEYS.",
        )
    return written
