"""Files come from a hub whole, go on where they broke off, and failures say what to do."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.checkpoints.hub import fetch
from engine.errors import CheckpointError
from tests.checkpoints.hub_server import Hub, serving

CONTENT = bytes(range(256)) * 40
REPOSITORY = "someone/voices"


def test_files_come_under_their_own_paths(tmp_path: Path) -> None:
    told: list[str] = []
    with serving(Hub({"s1.ckpt": b"one", "v2Pro/s2.pth": CONTENT})) as hub:
        paths = ("s1.ckpt", "v2Pro/s2.pth")
        fetch(paths, REPOSITORY, tmp_path, endpoint=hub.endpoint, report=told.append)
    assert told == ["s1.ckpt", "v2Pro/s2.pth"]
    assert (tmp_path / "s1.ckpt").read_bytes() == b"one"
    assert (tmp_path / "v2Pro" / "s2.pth").read_bytes() == CONTENT


def test_what_is_there_is_not_fetched_again(tmp_path: Path) -> None:
    with serving(Hub({"s2.pth": CONTENT})) as hub:
        fetch(["s2.pth"], REPOSITORY, tmp_path, endpoint=hub.endpoint)
        fetch(["s2.pth"], REPOSITORY, tmp_path, endpoint=hub.endpoint)
    assert len(hub.ranges) == 1


def test_a_download_that_broke_off_goes_on_where_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.DOWNLOAD_CHUNK_SIZE", 1024)
    with serving(Hub({"s2.pth": CONTENT}, breaks=1)) as hub:
        fetch(["s2.pth"], REPOSITORY, tmp_path, endpoint=hub.endpoint)
    assert (tmp_path / "s2.pth").read_bytes() == CONTENT
    assert hub.ranges == ["", f"bytes={len(CONTENT) // 2}-"]


def test_a_file_that_the_hub_lacks_is_named(tmp_path: Path) -> None:
    with serving(Hub({})) as hub, pytest.raises(CheckpointError, match=r"s2\.pth was not fetched"):
        fetch(["s2.pth"], REPOSITORY, tmp_path, endpoint=hub.endpoint)


def test_without_a_connection_the_message_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(CheckpointError, match="cannot be reached") as failure:
        fetch(["s2.pth"], REPOSITORY, tmp_path)
    assert "HF_ENDPOINT" in str(failure.value) and str(tmp_path / "s2.pth") in str(failure.value)


def test_a_file_put_there_by_hand_does_without_a_connection(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    (tmp_path / "s2.pth").write_bytes(CONTENT)
    fetch(["s2.pth"], REPOSITORY, tmp_path)
