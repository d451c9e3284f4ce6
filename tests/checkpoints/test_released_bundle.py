"""Released files become a folder that loads, with the weights that they held."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from engine.checkpoints.bundle_folder import load_network, read_config, verify
from engine.checkpoints.convert import Source
from engine.checkpoints.released_bundle import ReleasedFiles, make_bundle
from engine.checkpoints.safe_load import load_checkpoint
from engine.errors import BundleError, CheckpointError
from engine.models.hubert import ContentEncoder
from engine.models.text_to_semantic import TextToSemantic, TextToSemanticConfig
from engine.models.vits_decoder import VitsConfig, VitsDecoder
from tests.checkpoints.conftest import Make

ACOUSTIC: dict[str, Any] = {
    "data": {"sampling_rate": 32000, "filter_length": 2048, "hop_length": 640},
    "model": {
        "inter_channels": 8,
        "hidden_channels": 8,
        "filter_channels": 16,
        "n_heads": 2,
        "n_layers": 2,
        "kernel_size": 3,
        "p_dropout": 0.1,
        "resblock_kernel_sizes": [3],
        "resblock_dilation_sizes": [[1, 3]],
        "upsample_rates": [64, 10],
        "upsample_initial_channel": 16,
        "upsample_kernel_sizes": [128, 20],
        "gin_channels": 512,
    },
}
SEMANTIC = {
    "model": {
        "phoneme_vocab_size": 732,
        "vocab_size": 1025,
        "hidden_dim": 16,
        "head": 2,
        "n_layer": 1,
    }
}
CONTENT: dict[str, Any] = {
    "hidden_size": 16,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "intermediate_size": 16,
    "conv_dim": [8] * 7,
    "num_conv_pos_embeddings": 8,
    "num_conv_pos_embedding_groups": 2,
    "architectures": ["HubertModel"],
}


@pytest.fixture
def files(make_acoustic: Make, tmp_path: Path) -> ReleasedFiles:
    """A tiny v2 release."""
    acoustic = VitsConfig.from_released(ACOUSTIC, symbols=732, uses_speaker=False)
    decoder = VitsDecoder(acoustic).state_dict()
    model = TextToSemantic(TextToSemanticConfig.from_released(SEMANTIC))
    weights = {f"model.{key}": value.half() for key, value in model.state_dict().items()}
    torch.save({"weight": weights, "config": SEMANTIC, "info": "GPT-e1"}, tmp_path / "s1.ckpt")
    content = ContentEncoder({k: v for k, v in CONTENT.items() if k != "architectures"})
    torch.save(content.state_dict(), tmp_path / "hubert.bin")
    (tmp_path / "config.json").write_text(json.dumps(CONTENT))
    half = {key: value.half() for key, value in decoder.items()}
    return ReleasedFiles(
        Source(tmp_path / "s1.ckpt"),
        Source(make_acoustic(weights=half, config=ACOUSTIC)),
        Source(tmp_path / "hubert.bin"),
        tmp_path / "config.json",
    )


def test_a_release_becomes_a_bundle_that_loads(files: ReleasedFiles, tmp_path: Path) -> None:
    folder = tmp_path / "bundle"
    make_bundle(files, folder, name="mine")
    config = read_config(folder)
    verify(folder, config)
    assert (config.name, config.version, config.languages[0]) == ("mine", "v2", "zh")
    assert "architectures" not in config.content_encoder
    decoder = VitsDecoder(config.acoustic)
    load_network(decoder, folder / "acoustic.safetensors")
    stored = load_checkpoint(files.acoustic.path).weights
    torch.testing.assert_close(decoder.dec.conv_pre.weight, stored["dec.conv_pre.weight"].float())


def test_weights_that_do_not_fit_their_configuration_make_no_bundle(
    files: ReleasedFiles, make_acoustic: Make, tmp_path: Path
) -> None:
    weights = {"enc_p.text_embedding.weight": torch.ones(732, 8)}
    make_acoustic(weights=weights, config=ACOUSTIC)
    with pytest.raises(BundleError, match="does not fit"):
        make_bundle(files, tmp_path / "bundle", name="mine")
    assert not (tmp_path / "bundle" / "bundle.json").exists()


def test_a_configuration_without_sizes_is_refused(
    files: ReleasedFiles, make_acoustic: Make, tmp_path: Path
) -> None:
    make_acoustic()
    with pytest.raises(CheckpointError, match="lacks"):
        make_bundle(files, tmp_path / "bundle", name="mine")


def test_v3_is_refused_by_name(files: ReleasedFiles, make_acoustic: Make, tmp_path: Path) -> None:
    make_acoustic(b"02")
    with pytest.raises(CheckpointError, match="v3"):
        make_bundle(files, tmp_path / "bundle", name="mine")
