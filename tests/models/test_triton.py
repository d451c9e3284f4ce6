"""Triton's kernels say what PyTorch says: interpreted, and compiled on a GPU."""

from __future__ import annotations

import importlib.util
import json
import logging
import os
import subprocess
import sys

import pytest
import torch

from engine.models import device_generator
from engine.models.device_decoding import best_decode, tried
from engine.models.hifigan import HifiGan, HifiGanConfig
from engine.models.text_to_semantic import TextToSemantic
from tests.source_tree import ROOT
from tests.tiny_bundle import SEMANTIC

needs_triton = pytest.mark.skipif(
    importlib.util.find_spec("triton") is None, reason="PyTorch came without Triton"
)
LARGEST = {"float32": 1e-5, "float16": 5e-3}  # of PyTorch on a GPU, float32 is less exact


@needs_triton
def test_interpreted_kernels_say_what_pytorch_says() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.models.triton_comparison"],
        cwd=ROOT,
        env={**os.environ, "TRITON_INTERPRET": "1", "OMP_NUM_THREADS": "1"},
        check=True,
        capture_output=True,
        text=True,
    )
    check(json.loads(done.stdout))


if torch.cuda.is_available():

    def test_compiled_kernels_say_what_pytorch_says() -> None:
        from tests.models.triton_comparison import errors

        check(errors(torch.device("cuda")), times=10)

    def test_a_gpu_works_by_kernels(caplog: pytest.LogCaptureFixture) -> None:
        model, generator = TextToSemantic(SEMANTIC).eval().to("cuda"), tiny_generator().to("cuda")
        assert best_decode(model, 20) is not TextToSemantic.decode_window
        assert device_generator.best_vocode(generator) is not generator
        assert not caplog.records


def test_a_model_decodes_itself_where_triton_is_missing(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setitem(sys.modules, "triton.errors", None)
    with caplog.at_level(logging.WARNING):
        assert tried(TextToSemantic(SEMANTIC), 4) is TextToSemantic.decode_window
    assert "without Triton's kernels" in caplog.text


@needs_triton
def test_a_model_decodes_itself_where_kernels_are_wrong(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def wrong(self: object, model: TextToSemantic, window: object, *at: torch.Tensor) -> object:
        return torch.full((len(at[0]), model.config.vocabulary), torch.nan)

    monkeypatch.setattr("engine.models.triton_decoding.TritonDecoding.__call__", wrong)
    with caplog.at_level(logging.WARNING):
        assert tried(TextToSemantic(SEMANTIC), 4) is TextToSemantic.decode_window
    assert "logits of 1 rows are wrong" in caplog.text


def tiny_generator() -> HifiGan:
    return HifiGan(HifiGanConfig(4, 16, (4,), (8,), (3,), ((1,),))).eval()


def test_a_generator_vocodes_itself_where_triton_is_missing(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setitem(sys.modules, "triton", None)
    monkeypatch.setitem(sys.modules, "triton.errors", None)
    generator = tiny_generator()
    with caplog.at_level(logging.WARNING):
        assert device_generator.tried(generator) is generator
    assert "vocoding without Triton's kernels" in caplog.text


@needs_triton
def test_a_generator_vocodes_itself_where_kernels_are_wrong(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def wrong(self: object, z: torch.Tensor, *_: object) -> torch.Tensor:
        return torch.zeros(len(z), 1, 4 * z.shape[-1])

    monkeypatch.setattr("engine.models.triton_generator.TritonGenerator.__call__", wrong)
    generator = tiny_generator()
    with caplog.at_level(logging.WARNING):
        assert device_generator.tried(generator) is generator
    assert "sound is wrong by 1 of the loudest sample" in caplog.text


def test_a_cpu_needs_no_triton() -> None:
    code = (
        "import sys, engine.models.device_decoding as d, engine.pipeline.scheduler\n"
        "from engine.models.device_generator import best_vocode\n"
        "from tests.tiny_bundle import tiny_decoder\n"
        "best_vocode(tiny_decoder().dec)\n"
        "from engine.models.text_to_semantic import TextToSemantic\n"
        "from tests.tiny_bundle import SEMANTIC\n"
        "d.best_decode(TextToSemantic(SEMANTIC), 4)\n"
        "print('triton' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, text=True
    )
    assert done.stdout.strip() == "False"


def check(errors: dict[str, float], times: float = 1) -> None:
    """No case is wrong by more than rounding."""
    assert len(errors) == 14
    for case, error in errors.items():
        assert error <= times * LARGEST[case.split(", ")[1]], case
