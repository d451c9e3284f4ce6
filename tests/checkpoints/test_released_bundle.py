"""Released files become a folder that loads, with the weights that they held, and speaks."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import torch

from engine.checkpoints.bundle_folder import BERT_VOCABULARY, load_network, read_config, verify
from engine.checkpoints.convert import Source
from engine.checkpoints.released_bundle import ReleasedFiles, make_bundle
from engine.checkpoints.safe_load import load_checkpoint
from engine.errors import BundleError, CheckpointError, UnsupportedLanguageError
from engine.models.vits_decoder import VitsDecoder
from engine.pipeline.bundle import load_bundle
from engine.pipeline.synthesizer import synthesize
from engine.types import Audio, SynthesisOptions, SynthesisRequest
from tests.checkpoints import toy_release as toys
from tests.checkpoints.conftest import Make


@dataclass(frozen=True)
class Version:
    """A version, the head of its files and the sizes that tell it from the others."""

    name: str
    header: bytes
    symbols: int = 732
    semantic_symbols: int = 732
    gin_channels: int = 512

    @property
    def uses_speaker(self) -> bool:
        return "Pro" in self.name


V2 = Version("v2", b"PK")
V2_PRO = Version("v2Pro", b"05", gin_channels=1024)
VERSIONS = (
    Version("v1", b"PK", 322, 512),
    Version("v1", b"00", 322, 512),
    V2,
    Version("v2", b"01"),
    V2_PRO,
    Version("v2ProPlus", b"06", gin_channels=1024),
)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The networks that all versions share."""
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("shared")
    toys.write_content(folder / "hubert")
    toys.write_characters(folder / "roberta")
    toys.write_speaker(folder / "sv.ckpt")
    return folder


def release(version: Version, shared: Path, make_acoustic: Make) -> ReleasedFiles:
    torch.manual_seed(1)
    config = toys.acoustic_config(version.gin_channels)
    speaker_dimension = toys.SPEAKER.embedding_size if version.uses_speaker else 0
    weights = toys.acoustic_weights(config, version.symbols, speaker_dimension)
    acoustic = make_acoustic(version.header, weights=weights, config=config)
    semantic = toys.write_semantic(acoustic.with_name("s1.ckpt"), version.semantic_symbols)
    return ReleasedFiles(
        Source(semantic),
        Source(acoustic),
        shared / "hubert",
        shared / "roberta",
        Source(shared / "sv.ckpt"),
    )


def recording() -> Audio:
    time = np.arange(4 * 32000) / 32000
    return Audio((0.3 * np.sin(2 * np.pi * 140 * time)).astype(np.float32), 32000)


@pytest.mark.parametrize("version", VERSIONS, ids=lambda v: f"{v.name}-{v.header.decode()}")
def test_a_release_speaks_in_a_recorded_voice(
    version: Version, shared: Path, make_acoustic: Make, tmp_path: Path
) -> None:
    folder = tmp_path / "bundle"
    make_bundle(release(version, shared, make_acoustic), folder, name="mine")
    bundle = load_bundle(folder, "cpu")
    assert (bundle.config.version, bundle.sample_rate_hz) == (version.name, 32000)
    voice = bundle.create_prompt(recording(), "你好，你好。", "zh")
    assert voice.bert_features is not None and voice.bert_features.shape[0] == 1024
    assert len(voice.speaker_embeddings) == version.uses_speaker
    for text, language in (("你好。", "zh"), ("Good morning.", "en")):
        request = SynthesisRequest(text, language, voice, SynthesisOptions(seed=1))
        audio = synthesize(bundle, request)
        assert audio.duration_s == pytest.approx(12 / 25, abs=0.05)  # an end is allowed then


def test_a_bundle_holds_the_weights_of_its_release(
    shared: Path, make_acoustic: Make, tmp_path: Path
) -> None:
    files, folder = release(V2, shared, make_acoustic), tmp_path / "bundle"
    make_bundle(files, folder, name="mine")
    config = read_config(folder)
    verify(folder, config)
    assert (config.name, config.version, config.languages[0]) == ("mine", "v2", "zh")
    assert "architectures" not in config.content_encoder
    assert config.speaker_encoder is None and not (folder / "speaker_encoder.safetensors").exists()
    assert (folder / BERT_VOCABULARY).read_text("utf-8").split() == list(toys.TOKENS)
    decoder = VitsDecoder(config.acoustic)
    load_network(decoder, folder / "acoustic.safetensors")
    stored = load_checkpoint(files.acoustic.path).weights
    torch.testing.assert_close(decoder.dec.conv_pre.weight, stored["dec.conv_pre.weight"].float())


def test_a_release_without_characters_speaks_no_mandarin(
    shared: Path, make_acoustic: Make, tmp_path: Path
) -> None:
    files = replace(release(V2, shared, make_acoustic), characters=None)
    make_bundle(files, tmp_path / "bundle", name="mine")
    bundle = load_bundle(tmp_path / "bundle", "cpu")
    assert bundle.phonemes("Good morning.", "en")
    with pytest.raises(UnsupportedLanguageError, match="zh"):
        bundle.phonemes("你好。", "zh")


def test_v2_pro_without_a_speaker_encoder_is_refused(
    shared: Path, make_acoustic: Make, tmp_path: Path
) -> None:
    files = replace(release(V2_PRO, shared, make_acoustic), speaker=None)
    with pytest.raises(CheckpointError, match="speaker encoder's checkpoint"):
        make_bundle(files, tmp_path / "bundle", name="mine")


def test_weights_that_do_not_fit_their_configuration_make_no_bundle(
    shared: Path, make_acoustic: Make, tmp_path: Path
) -> None:
    files = release(V2, shared, make_acoustic)
    weights = {"enc_p.text_embedding.weight": torch.ones(732, 8)}
    make_acoustic(weights=weights, config=toys.acoustic_config())
    with pytest.raises(BundleError, match="does not fit"):
        make_bundle(files, tmp_path / "bundle", name="mine")
    assert not (tmp_path / "bundle" / "bundle.json").exists()


def test_a_configuration_without_sizes_is_refused(
    shared: Path, make_acoustic: Make, tmp_path: Path
) -> None:
    files = release(V2, shared, make_acoustic)
    make_acoustic()
    with pytest.raises(CheckpointError, match="lacks"):
        make_bundle(files, tmp_path / "bundle", name="mine")


def test_a_folder_without_weights_is_refused(
    shared: Path, make_acoustic: Make, tmp_path: Path
) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "config.json").write_text(json.dumps(toys.CONTENT))
    files = replace(release(V2, shared, make_acoustic), content=tmp_path / "empty")
    with pytest.raises(CheckpointError, match=r"neither model\.safetensors nor pytorch_model"):
        make_bundle(files, tmp_path / "bundle", name="mine")
