"""Which model version a released acoustic checkpoint is, without loading more than it takes.

The files name no version. Three signs tell it: the hash of the first bytes (official files), two
ASCII digits in place of the zip signature (fine-tuned ones), or the file's size; the number of
text symbols then settles v1 against v2.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

from torch import Tensor

from engine.errors import CheckpointError

ZIP_SIGNATURE = b"PK"
HASHED_BYTES = 8192
V1_SYMBOLS = 322
V1_MAX_BYTES = 82978 * 1024
V2_MAX_BYTES = 700 * 1024 * 1024
TEXT_EMBEDDING = "enc_p.text_embedding.weight"


@dataclass(frozen=True, slots=True)
class Identity:
    """What an acoustic checkpoint is.

    Attributes:
        symbols: the symbol table it reads, `v1` or `v2`.
        model: `v1`, `v2`, `v2Pro`, `v2ProPlus`, `v3` or `v4`.
        is_lora: it holds adapters only and needs the base checkpoint of its version.
    """

    symbols: str
    model: str
    is_lora: bool = False


OFFICIAL = {
    "dc3c97e17592963677a4a1681f30c653": Identity("v2", "v2"),  # s2G488k, v1 by its symbols
    "6642b37f3dbb1f76882b69937c95a5f3": Identity("v2", "v2"),
    "43797be674a37c1c83ee81081941ed0f": Identity("v2", "v3"),
    "4f26b9476d0c5033e04162c486074374": Identity("v2", "v4"),
    "c7e9fce2223f3db685cdfa1e6368728a": Identity("v2", "v2Pro"),
    "66b313e39455b57ab1b0bc0b239c9d0a": Identity("v2", "v2ProPlus"),
}
HEADERS = {
    b"00": Identity("v1", "v1"),
    b"01": Identity("v2", "v2"),
    b"02": Identity("v2", "v3"),
    b"03": Identity("v2", "v3", is_lora=True),
    b"04": Identity("v2", "v4", is_lora=True),
    b"05": Identity("v2", "v2Pro"),
    b"06": Identity("v2", "v2ProPlus"),
}


def identify_file(path: Path) -> Identity:
    """Return what the head and the size of `path` say.

    v1 and v2 are told apart for certain by `settle` alone, once the weights are read.

    Raises:
        CheckpointError: the head is none that a released checkpoint has.
    """
    with path.open("rb") as file:
        head = file.read(HASHED_BYTES)
    official = OFFICIAL.get(hashlib.md5(head, usedforsecurity=False).hexdigest())
    if official:
        return official
    if head[:2] != ZIP_SIGNATURE:
        return _by_header(path, head[:2])
    size = path.stat().st_size
    if size < V1_MAX_BYTES:
        return Identity("v1", "v1")
    return Identity("v2", "v2" if size < V2_MAX_BYTES else "v3")


def settle(identity: Identity, weights: Mapping[str, Tensor]) -> Identity:
    """Return `identity` corrected by the number of text symbols among the `weights`."""
    embedding = weights.get(TEXT_EMBEDDING)
    symbols = "v1" if embedding is not None and len(embedding) == V1_SYMBOLS else "v2"
    fixed = identity.model in ("v3", "v4") or "Pro" in identity.model
    return replace(identity, symbols=symbols, model=identity.model if fixed else symbols)


def read_as_zip(file: BinaryIO) -> bytes:
    """Return the whole file with the zip signature where a version header stands."""
    data = file.read()
    if data[:2] in HEADERS:
        return ZIP_SIGNATURE + data[2:]
    return data


def _by_header(path: Path, header: bytes) -> Identity:
    if header not in HEADERS:
        known = ", ".join(sorted(known.decode() for known in HEADERS))
        raise CheckpointError(f"{path} begins with {header!r}; known: PK, {known}")
    return HEADERS[header]
