"""`models pull g2pw`: from a hub on loopback to a folder that every bundle reads Mandarin by."""

from __future__ import annotations

import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from engine.checkpoints.polyphones import FOLDER, load_predictor
from engine.checkpoints.predictor_archive import ARCHIVE, install_predictor
from engine.errors import BundleError, CheckpointError, InputError
from engine.pipeline.bundle import load_bundle
from tests.checkpoints.hub_server import Hub, serving
from tests.checkpoints.test_pull import pull
from tests.checkpoints.toy_g2pw import write_g2pw
from tests.tiny_folder import tiny_config, write_tiny_folder


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """The toy, packed as the model is published: in a folder of its own, with other things."""
    folder, path = write_g2pw(tmp_path / "G2PWModel_1.1"), tmp_path / ARCHIVE
    (folder / "record.log").write_text("epoch 1", "utf-8")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        for file in folder.iterdir():
            packed.write(file, f"G2PWModel_1.1/{file.name}")
        packed.writestr("__MACOSX/G2PWModel_1.1/g2pW.onnx", b"an attribute")
    return path


def repacked(archive: Path, **changed: bytes | None) -> Path:
    """The archive with other content under these names, where `_` stands for the dot."""
    other = archive.with_name("other.zip")
    with zipfile.ZipFile(archive) as old, zipfile.ZipFile(other, "w") as new:
        for member in old.infolist():
            name = member.filename.split("/")[-1]
            content = changed.get(name.replace(".", "_"), old.read(member))
            if content is not None:
                new.writestr(member.filename, content)
    return other


def test_it_is_pulled_through_a_broken_connection_and_found_by_bundles(
    archive: Path, tmp_path: Path
) -> None:
    user = tmp_path / "user"
    with serving(Hub({ARCHIVE: archive.read_bytes()}, breaks=2)) as hub:
        done = pull(hub.endpoint, user, "g2pw")
    assert done.returncode == 0, done.stderr
    assert "read Chinese characters by g2pW now" in " ".join(done.stdout.split())
    assert [each != "bytes=0-" for each in hub.ranges if each] == [False, True, True]
    names = {path.name for path in (user / "models" / FOLDER).iterdir()}
    assert "g2pW.onnx" in names and "record.log" not in names
    folder = write_tiny_folder(user / "models" / "tiny", tiny_config())
    assert load_bundle(folder, "cpu").readers["zh"] == "g2pW"


def test_without_a_hub_the_command_says_what_to_do(tmp_path: Path) -> None:
    done = pull("http://127.0.0.1:1", tmp_path, "g2pw")
    assert done.returncode == 2
    assert "cannot be reached" in done.stderr and "HF_ENDPOINT" in done.stderr
    assert str(tmp_path / "released" / ARCHIVE) in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "models" / FOLDER).exists()


def test_an_archive_put_there_by_hand_does_without_a_connection(
    archive: Path, tmp_path: Path
) -> None:
    (tmp_path / "user" / "released").mkdir(parents=True)
    archive.rename(tmp_path / "user" / "released" / ARCHIVE)
    assert pull("http://127.0.0.1:1", tmp_path / "user", "g2pw").returncode == 0


def test_the_folder_reads_as_the_network_says(archive: Path, tmp_path: Path) -> None:
    folder = install_predictor(archive, tmp_path / "models")
    assert load_predictor(folder, {}).read("行业") == ["hang2", "ye4"]


def test_a_folder_that_is_there_is_left_alone(archive: Path, tmp_path: Path) -> None:
    install_predictor(archive, tmp_path)
    with pytest.raises(InputError, match="exists already"):
        install_predictor(archive, tmp_path)


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"POLYPHONIC_CHARS_txt": None}, "lacks POLYPHONIC_CHARS.txt"),
        ({"g2pW_onnx": b"no network"}, "no network that can be run"),
        ({"MONOPHONIC_CHARS_txt": b"\xff"}, "MONOPHONIC_CHARS.txt cannot be read"),
    ],
)
def test_another_archive_is_refused_and_leaves_nothing(
    archive: Path, tmp_path: Path, changed: dict[str, bytes | None], named: str
) -> None:
    with pytest.raises(BundleError, match=named):
        install_predictor(repacked(archive, **changed), tmp_path / "models")
    assert not list((tmp_path / "models").iterdir())


def test_a_damaged_archive_is_refused_and_leaves_nothing(archive: Path, tmp_path: Path) -> None:
    content = bytearray(archive.read_bytes())
    for damaged in (content[: len(content) // 2], content[:90] + b"damaged!" + content[98:]):
        archive.write_bytes(damaged)
        with pytest.raises(CheckpointError, match="cannot be unpacked"):
            install_predictor(archive, tmp_path / "models")
        assert not list((tmp_path / "models").iterdir())


def test_names_that_lead_elsewhere_write_nothing_there(archive: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(archive, "a") as packed:
        packed.writestr("../../escaped/config.py", "raise_me = 1")
    install_predictor(archive, tmp_path / "deep" / "models")
    assert not (tmp_path / "escaped").exists()


def test_a_file_that_is_far_too_large_is_refused_unread(
    archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.checkpoints.predictor_archive.MOST_BYTES", 100)
    with pytest.raises(CheckpointError, match="far too large"):
        install_predictor(archive, tmp_path / "models")


def test_v1_is_read_as_it_was_trained(archive: Path, tmp_path: Path) -> None:
    install_predictor(archive, tmp_path)
    config = replace(tiny_config(), version="v1", symbols="v1")
    bundle = load_bundle(write_tiny_folder(tmp_path / "old", config), "cpu")
    assert bundle.readers["zh"] == "pypinyin"
