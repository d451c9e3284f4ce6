"""The compiled decoding step against the plain model."""

from __future__ import annotations

import copy
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
import torch

from engine.errors import MissingDependencyError
from engine.models.packed_decoding import PackedDecoding, Precision, pack_text_to_semantic
from engine.models.text_to_semantic import TextToSemantic
from tests.source_tree import ROOT
from tests.tiny_bundle import CODES, SEMANTIC, SYMBOLS

TOLERANCE = {None: 1e-5, Precision.FLOAT32: 1e-5, Precision.HALF: 2e-3, Precision.INT8: 5e-2}
PROMPTS = (11, 3, 7, 1, 19, 4, 5, 2)  # tokens before the first that is decoded, of each row


@pytest.fixture(autouse=True)
def keep_threads() -> Iterator[None]:
    """Leave the number of threads to the next test as it was."""
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def plain_model() -> TextToSemantic:
    torch.manual_seed(2)
    model = TextToSemantic(SEMANTIC).eval()
    for parameter in model.parameters():  # biases and norms are not to be zeros and ones
        torch.nn.init.normal_(parameter, 1 if parameter.ndim == 1 else 0, 0.3)
    return model


def packed_model(precision: Precision | None = None) -> TextToSemantic:
    model = plain_model()
    pack_text_to_semantic(model, precision)
    return model


def precision_of(model: TextToSemantic) -> Precision:
    assert isinstance(model.packed, PackedDecoding)
    return model.packed.precision


@torch.inference_mode()
def decoded(model: TextToSemantic, rows: int, threads: int = 1) -> torch.Tensor:
    """Logits [steps, rows, V] of the first prompts, each followed by the same tokens."""
    torch.set_num_threads(1)
    source = torch.Generator().manual_seed(5)
    cache = model.new_cache(rows, 8)
    for n in PROMPTS[:rows]:
        phonemes = torch.randint(SYMBOLS, (9,), generator=source)
        model.prefill(cache, phonemes, None, torch.randint(CODES, (n,), generator=source))
    torch.set_num_threads(threads)
    logits = []
    for step in range(9):
        tokens = torch.arange(rows) + step
        logits.append(model.decode(cache, tokens, torch.tensor(PROMPTS[:rows]) + step))
    return torch.stack(logits)


@pytest.mark.parametrize("rows", [1, 6])
@pytest.mark.parametrize("precision", [None, *Precision])
def test_a_packed_model_decodes_like_the_plain_one(precision: Precision | None, rows: int) -> None:
    plain, packed = decoded(plain_model(), rows), decoded(packed_model(precision), rows)
    error = (packed - plain).abs().max() / plain.std()
    assert error < TOLERANCE[precision]


@pytest.mark.parametrize("rows", [1, 6])
def test_weights_of_float16_are_packed_as_such_and_lose_nothing(rows: int) -> None:
    plain = plain_model().half().float()
    packed = copy.deepcopy(plain)
    pack_text_to_semantic(packed)
    assert precision_of(packed) is Precision.HALF
    torch.testing.assert_close(decoded(packed, rows), decoded(plain, rows))


def test_other_weights_stay_float32() -> None:
    assert precision_of(packed_model()) is Precision.FLOAT32
    assert precision_of(packed_model(Precision.INT8)) is Precision.INT8


@pytest.mark.parametrize("precision", Precision)
@pytest.mark.parametrize("rows", range(2, len(PROMPTS) + 1))
def test_a_row_decodes_to_the_same_bits_alone_and_among_others(
    precision: Precision, rows: int
) -> None:
    model = packed_model(precision)
    assert torch.equal(decoded(model, rows)[:, :1], decoded(model, 1))


@pytest.mark.parametrize("threads", [2, 3])
def test_the_number_of_threads_changes_nothing(
    monkeypatch: pytest.MonkeyPatch, threads: int
) -> None:
    monkeypatch.setattr("engine.models.kernel_threads.SHARED_BYTES", 0)
    model = packed_model(Precision.FLOAT32)
    assert torch.equal(decoded(model, 6, threads), decoded(model, 6))


def wide_model(precision: Precision | None = None) -> TextToSemantic:
    """Heads that fill whole panels, so that reading is compiled, too."""
    torch.manual_seed(3)
    model = TextToSemantic(replace(SEMANTIC, width=64, heads=2, layers=3)).eval()
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, 1 if parameter.ndim == 1 else 0, 0.1)
    if precision is not None:
        pack_text_to_semantic(model, precision)
        assert model.packed_prefill is not None
    return model


@torch.inference_mode()
def read(
    model: TextToSemantic, text: int, prompt: int, threads: int = 1
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Logits after a prompt, and the keys and values that it leaves."""
    source, cache = torch.Generator().manual_seed(6), model.new_cache(1, 8)
    phonemes = torch.randint(SYMBOLS, (text,), generator=source)
    torch.set_num_threads(threads)
    logits = model.prefill(cache, phonemes, None, torch.randint(CODES, (prompt,), generator=source))
    window = cache.window(1, text + prompt)
    return logits, window.keys.float(), window.values.float()


@pytest.mark.parametrize(("text", "prompt"), [(1, 1), (3, 2), (9, 25), (40, 7), (5, 0)])
@pytest.mark.parametrize("precision", Precision)
def test_a_packed_model_reads_like_the_plain_one(
    precision: Precision, text: int, prompt: int
) -> None:
    plain, packed = read(wide_model(), text, prompt), read(wide_model(precision), text, prompt)
    for expected, found in zip(plain, packed, strict=True):
        error = (found - expected).abs().max() / expected.std()
        assert error < TOLERANCE[precision]


def test_threads_change_nothing_of_what_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.models.kernel_threads.SHARED_BYTES", 0)
    model = wide_model(Precision.FLOAT32)
    for text, prompt in ((1, 1), (9, 25)):
        alone = read(model, text, prompt)
        for threads in (2, 3):
            pairs = zip(read(model, text, prompt, threads), alone, strict=True)
            assert all(torch.equal(*pair) for pair in pairs)


def test_eight_bits_are_refused_on_another_device() -> None:
    with pytest.raises(MissingDependencyError, match="int8 is for models on a CPU"):
        pack_text_to_semantic(TextToSemantic(SEMANTIC), Precision.INT8, torch.device("cuda"))


def test_another_device_leaves_the_model_alone() -> None:
    model = TextToSemantic(SEMANTIC)
    for precision in (None, Precision.FLOAT32, Precision.HALF):
        pack_text_to_semantic(model, precision, torch.device("cuda"))
    assert model.packed is None


@pytest.mark.parametrize("precision", Precision)
def test_packing_frees_the_plain_weights(precision: Precision) -> None:
    model = packed_model(precision)
    assert all(parameter.ndim == 1 for parameter in model.h.parameters())


def test_a_copy_of_a_packed_model_decodes_the_same() -> None:
    model = packed_model(Precision.INT8)
    assert torch.equal(decoded(copy.deepcopy(model), 2), decoded(model, 2))


def test_two_models_decode_at_once_on_the_same_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.models.kernel_threads.SHARED_BYTES", 0)
    models = [packed_model(), packed_model()]
    expected = decoded(models[0], 2)
    with ThreadPoolExecutor(2) as pool:
        for found in pool.map(lambda model: decoded(model, 2, threads=3), models * 20):
            assert torch.equal(found, expected)


def test_decoding_leaves_the_threads_of_pytorch_as_they_are() -> None:
    code = """
from tests.models.test_packed_decoding import *
torch.set_num_threads(1)
decoded(packed_model(), 2)
assert torch.get_num_threads() == 1, torch.get_num_threads()
"""
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, timeout=120)
