"""Certificates and keys as people paste them: a single-line field takes the line breaks out."""

from __future__ import annotations

import re

from plugin.gpt_sovits.errors import SettingError
from plugin.gpt_sovits.fields import label

_BLOCK = re.compile(r"-----BEGIN ([A-Z ]+)-----(.*?)-----END \1-----", re.DOTALL)
_BASE64 = re.compile(r"[A-Za-z0-9+/]+=*")
_LINE_CHARACTERS = 64
_PASTE = "Paste all of the file, from -----BEGIN {0}----- to -----END {0}-----."
_KEY_KINDS = ("PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY")


def certificates(field: str, text: str) -> str:
    """Return the certificates in `text` as clean PEM; `field` is the form's.

    Raises:
        SettingError: there is none, or one is damaged. The message quotes nothing of it.
    """
    _check_presence(field, text, "CERTIFICATE")
    blocks = [body for kind, body in _blocks(text) if kind == "CERTIFICATE"]
    if not blocks or not all(map(_BASE64.fullmatch, blocks)):
        raise SettingError(
            field,
            f"The {label(field)} is not a certificate in PEM. {_PASTE.format('CERTIFICATE')} "
            "`openssl x509 -inform der -in FILE` writes one of another form so.",
        )
    return "".join(_written("CERTIFICATE", body) for body in blocks)


def private_key(field: str, text: str) -> str:
    """Return the private key in `text` as clean PEM; `field` is the form's.

    Raises:
        SettingError: there is none, it is damaged, or a password protects it. The message
            quotes nothing of it.
    """
    _check_presence(field, text, "PRIVATE KEY")
    if "ENCRYPTED" in text:
        raise SettingError(
            field, "The private key has a password. Enter one without: openssl pkey -in key.pem."
        )
    keys = [(kind, body) for kind, body in _blocks(text) if kind in _KEY_KINDS]
    if len(keys) != 1 or not _BASE64.fullmatch(keys[0][1]):
        raise SettingError(
            field, f"The {label(field)} is not a private key in PEM. {_PASTE.format('PRIVATE KEY')}"
        )
    return _written(*keys[0])


def _check_presence(field: str, text: str, kind: str) -> None:
    if not text:
        raise SettingError(
            field,
            f"The {label(field)} is missing, which the TLS choice needs. {_PASTE.format(kind)}",
        )


def _blocks(text: str) -> list[tuple[str, str]]:
    return [(kind, re.sub(r"\s|\\n", "", body)) for kind, body in _BLOCK.findall(text)]


def _written(kind: str, body: str) -> str:
    lines = [
        body[start : start + _LINE_CHARACTERS] for start in range(0, len(body), _LINE_CHARACTERS)
    ]
    return "\n".join([f"-----BEGIN {kind}-----", *lines, f"-----END {kind}-----", ""])
