"""The exported graphs, run by ONNX Runtime, against the networks they were made of."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
import torch
from typer.testing import CliRunner

from engine.checkpoints.bundle_folder import read_config, write_config
from engine.checkpoints.onnx_export import export_onnx
from engine.checkpoints.parts import Parts, load_parts
from engine.cli import application
from engine.models.key_value_cache import KeyValueCache
from engine.models.vits_decoder import VitsDecoder
from tests.tiny_bundle import CODES, SYMBOLS
from tests.tiny_flow import flow_config
from tests.tiny_folder import tiny_config, write_tiny_folder

# PyTorch's exporter uses what PyTorch deprecates.
pytestmark = [
    pytest.mark.filterwarnings("ignore:.*LeafSpec.*is deprecated:FutureWarning"),
    pytest.mark.timeout(900),  # it traces every operation
]


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_folder(tmp_path_factory.mktemp("bundle"), tiny_config(bert=True))


@pytest.fixture(scope="module")
def graphs(bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return {path.stem: path for path in export_onnx(bundle, tmp_path_factory.mktemp("onnx"))}


@pytest.fixture(scope="module")
def parts(bundle: Path) -> Parts:
    return load_parts(bundle, read_config(bundle))


def run(path: Path, **inputs: torch.Tensor) -> dict[str, Any]:
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    found = session.run(names, {name: value.numpy() for name, value in inputs.items()})
    return dict(zip(names, found, strict=True))


@pytest.mark.parametrize(("text", "prompt"), [(13, 5), (4, 21)])
@torch.inference_mode()
def test_prefill_and_steps_are_those_of_the_model(
    graphs: dict[str, Path], parts: Parts, text: int, prompt: int
) -> None:
    model = parts.text_to_semantic
    phonemes = torch.randint(SYMBOLS, (text,))
    bert = torch.randn(model.config.bert_dimension, text)
    tokens = torch.randint(CODES, (prompt + 3,))
    cache = KeyValueCache(model.config, 1, 64, torch.zeros(1))
    expected = model.prefill(cache, phonemes, bert, tokens[:prompt])
    found = run(
        graphs["text_to_semantic_prefill"],
        phoneme_ids=phonemes[None],
        bert_features=bert[None],
        prompt=tokens[None, :prompt],
    )
    np.testing.assert_allclose(found["logits"], expected, atol=1e-4)
    keys, values = found["keys"], found["values"]
    for at in range(prompt, prompt + 3):
        token, position = tokens[at : at + 1], torch.tensor([at])
        expected = model.decode(cache, token, position)[0]
        found = run(
            graphs["text_to_semantic_step"],
            token=token,
            position=position,
            keys=torch.from_numpy(keys),
            values=torch.from_numpy(values),
        )
        np.testing.assert_allclose(found["logits"], expected, atol=1e-4)
        keys, values = found["next_keys"], found["next_values"]


@pytest.mark.parametrize(("tokens", "text"), [(6, 14), (25, 5)])
@torch.inference_mode()
def test_the_sound_is_that_of_the_decoder(
    graphs: dict[str, Path], parts: Parts, tokens: int, text: int
) -> None:
    decoder = parts.acoustic
    assert isinstance(decoder, VitsDecoder)
    inputs = {
        "semantic_tokens": torch.randint(CODES, (1, tokens)),
        "phoneme_ids": torch.randint(SYMBOLS, (1, text)),
        "style_embedding": torch.randn(1, decoder.config.gin_channels, 1),
        "noise": torch.randn(1, decoder.config.inter_channels, 2 * tokens),
        "noise_scale": torch.tensor(0.4),
    }
    expected = decoder.eval()(*inputs.values())
    found = run(graphs["acoustic_decoder"], **inputs)["waveform"]
    assert found.shape == expected.shape
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_other_acoustics_are_refused_by_their_version(tmp_path: Path) -> None:
    folder = tmp_path / "v3"
    folder.mkdir()
    config = replace(tiny_config(), version="v3", acoustic=flow_config("v3"))
    write_config(folder, config)
    asked = ["export-onnx", "--bundle", str(folder), "--out", str(tmp_path / "onnx")]
    result = CliRunner().invoke(application, asked)
    assert result.exit_code == 2
    assert "is of v3; v1, v2 and v2Pro can be exported" in result.output
