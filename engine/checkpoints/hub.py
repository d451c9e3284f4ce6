"""Download released files. Nothing else in the engine opens a connection.

The library of the hub says where a file is, how large, and by which hash it is known; it reads
`HF_ENDPOINT` for a mirror's address. The bytes are fetched here, because that library begins a
file anew when a download has ended early: what has arrived stays in a file `.part` beside its
place, and the next try, in this run or a later one, goes on behind it. A file takes its place when
its hash is the hub's.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urljoin

import httpx2
from huggingface_hub import get_hf_file_metadata, hf_hub_url
from huggingface_hub.errors import EntryNotFoundError, OfflineModeIsEnabled

from engine.errors import CheckpointError

TRIES_WITHOUT_A_BYTE = 5
TIMEOUT_S = 30.0
_SHA256_DIGITS, _SHA1_DIGITS = 64, 40

_UNREACHABLE = (httpx2.ConnectError, httpx2.TimeoutException, OfflineModeIsEnabled)
_BROKEN = (httpx2.TimeoutException, httpx2.NetworkError, httpx2.RemoteProtocolError)

Report = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """Where a file is, how many bytes it has, and the hash that the hub knows it by."""

    url: str
    size_bytes: int
    hash: str


def fetch(
    paths: Iterable[str],
    repository: str,
    into: Path,
    *,
    endpoint: str | None = None,
    report: Report = lambda path, done, total: None,
) -> None:
    """Bring files of `repository` into the folder `into`, under the same paths.

    Args:
        endpoint: the hub's address; None takes the library's own.
        report: told of each file and how many of its bytes are there, as they arrive; a file
            that was there before has 0 of 0.

    Raises:
        CheckpointError: the hub cannot be reached or lacks a file, or a file arrived damaged; the
            message says what to do.
    """
    for path in paths:
        if (into / path).is_file():
            report(path, 0, 0)
            continue
        try:
            _fetch_one(path, _located(path, repository, endpoint), into, report)
        except _UNREACHABLE as error:
            raise CheckpointError(_advice(path, repository, into, "cannot be reached")) from error
        except EntryNotFoundError as error:
            raise CheckpointError(_advice(path, repository, into, "has no such file")) from error
        except DamagedError as error:
            raise CheckpointError(_advice(path, repository, into, "sent it damaged")) from error
        except (httpx2.HTTPError, OSError) as error:
            raise CheckpointError(_advice(path, repository, into, f"failed: {error}")) from error


class DamagedError(Exception):
    """What arrived has another hash than the hub names."""


def _located(path: str, repository: str, endpoint: str | None) -> RemoteFile:
    url = hf_hub_url(repository, path, endpoint=endpoint)
    found = get_hf_file_metadata(url, endpoint=endpoint)
    return RemoteFile(urljoin(url, found.location), found.size or 0, found.etag or "")


def _fetch_one(path: str, remote: RemoteFile, into: Path, report: Report) -> None:
    target = into / path
    part = target.with_name(f"{target.name}.{remote.hash[:12]}.part")
    part.parent.mkdir(parents=True, exist_ok=True)
    part.touch()
    idle = 0
    while (had := part.stat().st_size) < remote.size_bytes:
        report(path, had, remote.size_bytes)
        try:
            _receive(remote, part, lambda done: report(path, done, remote.size_bytes))
        except _BROKEN:
            idle = 0 if part.stat().st_size > had else idle + 1
            if idle == TRIES_WITHOUT_A_BYTE:
                raise
    report(path, remote.size_bytes, remote.size_bytes)
    if remote.hash not in ("", _hash_like(remote.hash, part)):
        part.unlink()
        raise DamagedError(path)
    part.replace(target)


def _receive(remote: RemoteFile, part: Path, received: Callable[[int], None]) -> None:
    """Append what `part` lacks; a server that knows no ranges sends it all again."""
    have = part.stat().st_size
    headers = {"Range": f"bytes={have}-", "Accept-Encoding": "identity"}
    request = httpx2.stream(
        "GET", remote.url, headers=headers, follow_redirects=True, timeout=TIMEOUT_S
    )
    with request as response:
        response.raise_for_status()
        whole = response.status_code != httpx2.codes.PARTIAL_CONTENT
        with part.open("wb" if whole else "ab") as file:
            for chunk in response.iter_raw():
                file.write(chunk)
                received(file.tell())


def _hash_like(named: str, path: Path) -> str:
    """The hash of a file, of the kind that `named` is; `named` itself where it is of no kind.

    Large files are named by their SHA-256, small ones by the SHA-1 that git gives them.
    """
    if len(named) == _SHA256_DIGITS:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    if len(named) == _SHA1_DIGITS:
        content = path.read_bytes()
        return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
    return named


def _advice(path: str, repository: str, into: Path, what: str) -> str:
    return (
        f"{path} was not fetched: the hub of {repository} {what}. Run the command again to go on "
        "where it broke off, set HF_ENDPOINT to a mirror, or put the file by hand at "
        f"{into / path}; files that are there are used"
    )
