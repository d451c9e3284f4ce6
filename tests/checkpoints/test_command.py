"""`python -m engine models` keeps a folder of bundles."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from typer.testing import CliRunner, Result

from engine.checkpoints.bundle_folder import sha256
from engine.checkpoints.releases import CHARACTERS, CONTENT, RELEASES, SPEAKER, release_named
from engine.cli import application
from engine.errors import InputError
from tests.checkpoints import toy_release as toys
from tests.checkpoints.conftest import Make
from tests.tiny_folder import tiny_config, write_tiny_folder


@pytest.fixture(scope="module")
def pretrained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shared networks, laid out as they are published."""
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("pretrained")
    toys.write_content(folder / CONTENT)
    toys.write_characters(folder / CHARACTERS)
    (folder / SPEAKER).parent.mkdir()
    toys.write_speaker(folder / SPEAKER)
    return folder


@pytest.fixture
def models(tmp_path: Path) -> Path:
    """A models folder with one tiny bundle, `tiny`."""
    write_tiny_folder(tmp_path / "models" / "tiny", tiny_config())
    return tmp_path / "models"


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(application, ["models", *map(str, arguments)])


def write_pair(make_acoustic: Make, tmp_path: Path) -> tuple[Path, Path]:
    config = toys.acoustic_config(1024)
    weights = toys.acoustic_weights(config, 732, toys.SPEAKER.embedding_size)
    acoustic = make_acoustic(b"05", weights=weights, config=config)
    return toys.write_semantic(tmp_path / "s1.ckpt", 732), acoustic


def test_an_empty_folder_says_how_to_fill_it(tmp_path: Path) -> None:
    listed = run("list", "--models", tmp_path / "none")
    assert listed.stdout == ""
    assert "models pull v2" in listed.stderr


def test_a_pair_is_imported_listed_verified_and_removed(
    pretrained: Path, make_acoustic: Make, tmp_path: Path
) -> None:
    pair, models = write_pair(make_acoustic, tmp_path), tmp_path / "models"
    options = ("--pretrained", pretrained, "--models", models, "--name", "anna")
    imported = run("import", *pair, *options, "--acoustic-sha256", sha256(pair[1]))
    assert imported.exit_code == 0, imported.output
    assert [path.name for path in models.iterdir()] == ["anna"]
    assert run("list", "--models", models).output.startswith("anna\tv2Pro\tzh,en,ja,ko,yue\t")
    assert "6 files are as they were pinned" in run("verify", "anna", "--models", models).output
    assert run("remove", "anna", "--models", models).exit_code == 0
    assert not list(models.iterdir())


def test_an_unsafe_checkpoint_is_refused_by_its_offender(
    pretrained: Path, make_acoustic: Make, tmp_path: Path
) -> None:
    semantic, _ = write_pair(make_acoustic, tmp_path)
    unsafe, models = tmp_path / "unsafe.pth", tmp_path / "models"
    torch.save({"weight": {}, "config": Path("anywhere")}, unsafe)
    options = ("--pretrained", pretrained, "--models", models, "--name", "anna")
    result = run("import", semantic, unsafe, *options)
    assert result.exit_code == 2
    assert "asks to import pathlib" in result.stderr
    assert not list(models.glob("*"))


def test_another_file_than_the_pinned_one_is_refused(
    pretrained: Path, make_acoustic: Make, tmp_path: Path
) -> None:
    pair = write_pair(make_acoustic, tmp_path)
    options = ("--pretrained", pretrained, "--models", tmp_path, "--name", "anna")
    result = run("import", *pair, *options, "--semantic-sha256", "0" * 64)
    assert result.exit_code == 2 and "SHA-256" in result.stderr


def test_missing_character_features_are_named(
    make_acoustic: Make, pretrained: Path, tmp_path: Path
) -> None:
    pair, partial = write_pair(make_acoustic, tmp_path), tmp_path / "partial"
    partial.mkdir()
    (partial / CONTENT).symlink_to(pretrained / CONTENT)
    options = ("--pretrained", partial, "--models", tmp_path / "models", "--name", "anna")
    result = run("import", *pair, *options)
    assert result.exit_code == 2 and CHARACTERS in result.stderr


def test_a_taken_name_is_refused(models: Path, pretrained: Path, tmp_path: Path) -> None:
    options = ("--pretrained", pretrained, "--models", models, "--name", "tiny")
    result = run("import", tmp_path / "a.ckpt", tmp_path / "a.pth", *options)
    assert result.exit_code == 2 and "exists already" in result.stderr


def test_a_damaged_file_is_found(models: Path) -> None:
    damaged = models / "tiny" / "acoustic.safetensors"
    damaged.write_bytes(damaged.read_bytes()[:-1] + b"!")
    result = run("verify", "tiny", "--models", models)
    assert result.exit_code == 2 and "acoustic.safetensors is damaged" in result.stderr


@pytest.mark.parametrize("name", ["nobody", "../models/tiny", ".", ""])
def test_only_bundles_of_the_folder_are_removed(models: Path, name: str) -> None:
    result = run("remove", name, "--models", models)
    assert result.exit_code == 2 and "known: tiny" in result.stderr
    assert (models / "tiny").is_dir()


def test_a_bundle_that_is_no_longer_readable_can_be_removed(models: Path) -> None:
    (models / "tiny" / "bundle.json").write_text("{}")
    assert run("remove", "tiny", "--models", models).exit_code == 0
    assert not (models / "tiny").exists()


def test_every_release_that_reads_embeddings_has_the_speaker_encoder() -> None:
    assert {name for name, r in RELEASES.items() if SPEAKER in r.paths()} == {
        "v2Pro",
        "v2ProPlus",
    }


def test_every_release_that_makes_mels_has_its_vocoder() -> None:
    named = {name: release.vocoder for name, release in RELEASES.items() if release.vocoder}
    assert named.keys() == {"v3", "v4"}
    assert all(vocoder in RELEASES[name].paths() for name, vocoder in named.items())


def test_a_version_that_no_bundle_can_be_made_of_is_refused() -> None:
    with pytest.raises(InputError, match="known: v1, v2, v2Pro, v2ProPlus, v3, v4"):
        release_named("v5")
