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
    told: list[tuple[str, int, int]] = []
    with serving(Hub({"s1.ckpt": b"one", "v2Pro/s2.pth": CONTENT})) as hub:
        paths = ("s1.ckpt", "v2Pro/s2.pth")
        fetch(
            paths,
            REPOSITORY,
            tmp_path,
            endpoint=hub.endpoint,
            report=lambda *each: told.append(each),
        )
    size = len(CONTENT)
    assert {path for path, _, _ in told} == set(paths)
    assert (told[0], told[-1]) == (("s1.ckpt", 0, 3), ("v2Pro/s2.pth", size, size))
    assert (tmp_path / "s1.ckpt").read_bytes() == b"one"
    assert (tmp_path / "v2Pro" / "s2.pth").read_bytes() == CONTENT


def test_what_is_there_is_not_fetched_again(tmp_path: Path) -> None:
    with serving(Hub({"s2.pth": CONTENT})) as hub:
        fetch(["s2.pth"], REPOSITORY, tmp_path, endpoint=hub.endpoint)
        fetch(["s2.pth"], REPOSITORY, tmp_path, endpoint=hub.endpoint)
    assert len(hub.ranges) == 1


def test_a_download_that_broke_off_goes_on_where_it_was(
    tmp_path: Path,
) -> None:
    with serving(Hub({"s2.pth": CONTENT}, breaks=1)) as hub:
        fetch(["s2.pth"], REPOSITORY, tmp_path, endpoint=hub.endpoint)
    assert (tmp_path / "s2.pth").read_bytes() == CONTENT
    assert hub.ranges == ["bytes=0-", f"bytes={len(CONTENT) // 2}-"]


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


def test_a_download_that_ended_goes_on_when_it_is_asked_for_again(
    tmp_path: Path,
) -> None:
    with serving(Hub({"s2.pth": CONTENT}, breaks=1000)) as hub:
        with pytest.raises(CheckpointError, match="go on where it broke off"):
            fetch(["s2.pth"], REPOSITORY, tmp_path, endpoint=hub.endpoint)
        hub.breaks = 0
        hub.ranges.clear()
        fetch(["s2.pth"], REPOSITORY, tmp_path, endpoint=hub.endpoint)
    assert (tmp_path / "s2.pth").read_bytes() == CONTENT
    assert hub.ranges == [f"bytes={len(CONTENT) - 1}-"]  # each break had half of the rest
    assert [path.name for path in tmp_path.iterdir()] == ["s2.pth"]


def test_a_server_that_knows_no_ranges_is_asked_for_everything(tmp_path: Path) -> None:
    hub = Hub({"s2.pth": CONTENT}, breaks=1)
    hub.knows_ranges = False
    with serving(hub):
        fetch(["s2.pth"], REPOSITORY, tmp_path, endpoint=hub.endpoint)
    assert (tmp_path / "s2.pth").read_bytes() == CONTENT


@pytest.mark.parametrize("digits", [64, 40])
def test_a_file_that_arrives_damaged_is_refused_and_removed(tmp_path: Path, digits: int) -> None:
    hub = Hub({"s2.pth": CONTENT})
    hub.etags["s2.pth"] = "0" * digits
    with serving(hub), pytest.raises(CheckpointError, match="sent it damaged"):
        fetch(["s2.pth"], REPOSITORY, tmp_path, endpoint=hub.endpoint)
    assert not (tmp_path / "s2.pth").exists()


def test_small_files_are_known_by_the_hash_of_git(tmp_path: Path) -> None:
    hub = Hub({"config.json": b"{}"})
    hub.etags["config.json"] = "9e26dfeeb6e641a33dae4961196235bdb965b21b"  # git hash-object
    with serving(hub):
        fetch(["config.json"], REPOSITORY, tmp_path, endpoint=hub.endpoint)
    assert (tmp_path / "config.json").read_bytes() == b"{}"


def test_a_hub_that_is_not_there_is_told_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="cannot be reached") as failure:
        fetch(["s2.pth"], REPOSITORY, tmp_path, endpoint="http://127.0.0.1:1")
    assert "HF_ENDPOINT" in str(failure.value)
