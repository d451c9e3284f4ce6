"""Released files of v3 and v4, whole or as adapters, are imported, verified and spoken with."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from typer.testing import CliRunner, Result

from engine.checkpoints import identify
from engine.checkpoints.identify import HASHED_BYTES, Identity
from engine.checkpoints.releases import CONTENT, RELEASES
from engine.checkpoints.safe_load import load_checkpoint
from engine.cli import application
from engine.pipeline.bundle import load_bundle
from engine.pipeline.synthesizer import synthesize
from engine.types import Audio, SynthesisOptions, SynthesisRequest
from tests.checkpoints import toy_release as toys
from tests.checkpoints.conftest import Make

VERSIONS = pytest.mark.parametrize("version", ["v3", "v4"])
RATES_HZ = {"v3": 24000, "v4": 48000}
LORA_HEADERS = {"v3": b"03", "v4": b"04"}


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The networks that both versions share, and their vocoders, as they are published."""
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("pretrained")
    toys.write_content(folder / CONTENT)
    for version in RATES_HZ:
        vocoder = RELEASES[version].vocoder
        assert vocoder is not None
        toys.write_vocoder(folder / vocoder, version)
    return folder


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(application, ["models", *map(str, arguments)])


def import_pair(acoustic: Path, pretrained: Path, models: Path) -> Result:
    semantic = toys.write_semantic(acoustic.with_name("s1.ckpt"), 732)
    places = ("--pretrained", pretrained, "--models", models, "--name", "mine")
    return run("import", semantic, acoustic, *places, "--no-mandarin")


def write_whole(version: str, make_acoustic: Make, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A whole checkpoint; one of v4 is known by the hash of its first bytes alone."""
    torch.manual_seed(1)
    config = toys.acoustic_config()
    acoustic = make_acoustic(b"PK", weights=toys.flow_weights(config, version), config=config)
    head = hashlib.md5(acoustic.read_bytes()[:HASHED_BYTES], usedforsecurity=False)
    monkeypatch.setitem(identify.OFFICIAL, head.hexdigest(), Identity("v2", version))
    return acoustic


def recording() -> Audio:
    time = np.arange(4 * 32000) / 32000
    return Audio((0.3 * np.sin(2 * np.pi * 140 * time)).astype(np.float32), 32000)


@VERSIONS
def test_a_release_is_imported_verified_and_spoken_with(
    version: str,
    shared: Path,
    make_acoustic: Make,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    models, acoustic = tmp_path / "models", write_whole(version, make_acoustic, monkeypatch)
    imported = import_pair(acoustic, shared, models)
    assert imported.exit_code == 0, imported.output
    assert f"mine\t{version}\t" in run("list", "--models", models).output
    assert "4 files are as they were pinned" in run("verify", "mine", "--models", models).output
    bundle = load_bundle(models / "mine", "cpu")
    assert bundle.sample_rate_hz == RATES_HZ[version]
    voice = bundle.create_prompt(recording(), "Good morning.", "en")
    request = SynthesisRequest("Good morning.", "en", voice, SynthesisOptions(seed=1))
    first, again = synthesize(bundle, request), synthesize(bundle, request)
    assert np.isfinite(first.samples).all()
    assert first.duration_s == pytest.approx(12 / 25, abs=0.06)
    np.testing.assert_array_equal(first.samples, again.samples)


@VERSIONS
def test_adapters_speak_when_they_are_merged_into_their_base(
    version: str,
    shared: Path,
    make_acoustic: Make,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    base = write_whole(version, make_acoustic, monkeypatch)
    pretrained, models = tmp_path / "pretrained", tmp_path / "models"
    shutil.copytree(shared, pretrained)
    shutil.move(base, pretrained / RELEASES[version].acoustic)
    config = toys.acoustic_config()
    torch.manual_seed(1)
    low_rank = toys.adapters(toys.flow_weights(config, version))
    header = LORA_HEADERS[version]
    acoustic = make_acoustic(header, name="lora.pth", weights=low_rank, config=config, lora_rank=2)
    imported = import_pair(acoustic, pretrained, models)
    assert imported.exit_code == 0, imported.output
    key = "cfm.estimator.transformer_blocks.0.attn.to_q"
    merged = load_file(models / "mine" / "acoustic.safetensors")[f"{key}.weight"]
    wrapped = key.replace("cfm.", "cfm.base_model.model.")
    down, up = (low_rank[f"{wrapped}.lora_{side}.default.weight"].float() for side in "AB")
    stored = load_checkpoint(pretrained / RELEASES[version].acoustic).weights[f"{key}.weight"]
    torch.testing.assert_close(merged.float(), stored.float() + up @ down)
    assert load_bundle(models / "mine", "cpu").config.version == version


def test_adapters_without_their_base_are_refused(
    shared: Path, make_acoustic: Make, tmp_path: Path
) -> None:
    config = toys.acoustic_config()
    low_rank = toys.adapters(toys.flow_weights(config, "v4"))
    acoustic = make_acoustic(b"04", weights=low_rank, config=config, lora_rank=2)
    refused = import_pair(acoustic, shared, tmp_path / "models")
    assert refused.exit_code == 2 and "s2Gv4.pth, the base, is missing" in refused.stderr


@VERSIONS
def test_the_vocoder_of_the_other_version_is_refused(
    version: str,
    shared: Path,
    make_acoustic: Make,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pretrained, other = tmp_path / "pretrained", {"v3": "v4", "v4": "v3"}[version]
    shutil.copytree(shared, pretrained)
    vocoder = RELEASES[version].vocoder
    assert vocoder is not None
    toys.write_vocoder(pretrained / vocoder, other)
    acoustic = write_whole(version, make_acoustic, monkeypatch)
    refused = import_pair(acoustic, pretrained, tmp_path / "models")
    assert refused.exit_code == 2 and "belongs to another version" in refused.stderr
    assert not list((tmp_path / "models").glob("*"))


def test_a_file_that_is_no_vocoder_is_refused(
    shared: Path, make_acoustic: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pretrained = tmp_path / "pretrained"
    shutil.copytree(shared, pretrained)
    vocoder = RELEASES["v4"].vocoder
    assert vocoder is not None
    torch.save({"layer.weight": torch.zeros(3)}, pretrained / vocoder)
    acoustic = write_whole("v4", make_acoustic, monkeypatch)
    refused = import_pair(acoustic, pretrained, tmp_path / "models")
    assert refused.exit_code == 2 and "holds no vocoder" in refused.stderr


def test_a_missing_vocoder_is_named(
    shared: Path, make_acoustic: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pretrained = tmp_path / "pretrained"
    (pretrained / CONTENT).mkdir(parents=True)
    acoustic = write_whole("v3", make_acoustic, monkeypatch)
    refused = import_pair(acoustic, pretrained, tmp_path / "models")
    assert refused.exit_code == 2 and "bigvgan_generator.pt, the vocoder" in refused.stderr
