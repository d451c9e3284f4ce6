"""Download released files. Nothing else in the engine opens a connection.

The library that does it keeps what it has got: a download that broke off goes on where it was,
and files that are there are not fetched again. It reads `HF_ENDPOINT` for a mirror's address.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from httpx2 import HTTPError
from huggingface_hub import hf_hub_download
from huggingface_hub.errors import EntryNotFoundError
from huggingface_hub.errors import LocalEntryNotFoundError as UnreachableError

from engine.errors import CheckpointError


def fetch(
    paths: Iterable[str],
    repository: str,
    into: Path,
    *,
    endpoint: str | None = None,
    report: Callable[[str], None] = lambda path: None,
) -> None:
    """Bring files of `repository` into the folder `into`, under the same paths.

    Args:
        endpoint: the hub's address; None takes the library's own.
        report: told of each file as it begins.

    Raises:
        CheckpointError: the hub cannot be reached or lacks a file; the message says what to do.
    """
    for path in paths:
        report(path)
        try:
            hf_hub_download(repository, path, local_dir=into, endpoint=endpoint)
        except UnreachableError as error:
            raise CheckpointError(_advice(path, repository, into, "cannot be reached")) from error
        except EntryNotFoundError as error:
            raise CheckpointError(_advice(path, repository, into, "has no such file")) from error
        except (HTTPError, OSError) as error:
            raise CheckpointError(_advice(path, repository, into, f"failed: {error}")) from error


def _advice(path: str, repository: str, into: Path, what: str) -> str:
    return (
        f"{path} was not fetched: the hub of {repository} {what}. Run the command again to go on "
        "where it broke off, set HF_ENDPOINT to a mirror, or put the file by hand at "
        f"{into / path}; files that are there are used"
    )
