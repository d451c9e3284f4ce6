"""A replay passes only when every case was run and is right."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.golden.__main__ import main
from tests.golden.runner import ARRAY_KINDS, replay

RATES = [[16000, 16000]]


@pytest.fixture
def cases(tmp_path: Path) -> Path:
    """A folder with one case: a wave that is resampled to the rate that it has."""
    folder = tmp_path / "cases"
    folder.mkdir()
    wave = np.linspace(-1, 1, 50, dtype=np.float32)
    write(folder, {"kind": "resample", "rates": RATES}, in_wave_0=wave, out_wave_0=wave)
    return folder


def write(folder: Path, entry: dict[str, Any], name: str = "one", **arrays: np.ndarray) -> None:
    """Add a case to the folder and its index."""
    index = folder / "index.json"
    entries = json.loads(index.read_text()) if index.exists() else {}
    entries[name] = {"file": f"{name}.npz", "compare": {"out_*": "atol 1e-5"}} | entry
    np.savez(folder / f"{name}.npz", **arrays)
    index.write_text(json.dumps(entries))


def run(folder: Path, *more: str) -> int:
    return main(["--cases", str(folder), *more])


def test_a_right_case_passes(cases: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(cases) == 0
    printed = capsys.readouterr().out
    assert printed.startswith("pass resample")
    assert printed.endswith("1 cases: 1 passed, 0 failed\n")


def test_a_wrong_case_fails(cases: Path) -> None:
    wave = np.zeros(50, np.float32)
    write(cases, {"kind": "resample", "rates": RATES}, "two", in_wave_0=wave, out_wave_0=wave + 1)
    assert run(cases) == 1
    assert [result.passed for result in replay(cases)] == [True, False]


@pytest.mark.parametrize("folder", ["missing", "empty"])
def test_a_folder_without_cases_fails(tmp_path: Path, folder: str) -> None:
    (tmp_path / "empty").mkdir()
    assert run(tmp_path / folder) == 1


def test_a_filter_that_leaves_nothing_fails(cases: Path) -> None:
    assert run(cases, "--kinds", "spectrogram") == 1
    assert run(cases, "--names", "other*") == 1
    assert run(cases, "--kinds", "resample,sola", "--names", "o*") == 0


def test_a_kind_without_a_handler_fails(cases: Path) -> None:
    write(cases, {"kind": "telepathy"}, "two", out_a=np.zeros(1))
    results = {result.name: result for result in replay(cases)}
    assert results["two"].detail == "no handler for this kind"
    assert not results["two"].passed


@pytest.mark.parametrize("name", ["notes.json", "stray.npz"])
def test_a_file_that_nothing_replays_fails(cases: Path, name: str) -> None:
    (cases / name).write_text("{}")
    assert run(cases) == 1


def test_an_entry_whose_file_is_missing_fails_alone(cases: Path) -> None:
    write(cases, {"kind": "resample", "rates": RATES}, "two", out_wave_0=np.zeros(1))
    (cases / "two.npz").unlink()
    assert [result.passed for result in replay(cases)] == [True, False]


def test_a_handler_that_breaks_fails_its_case_alone(cases: Path) -> None:
    write(cases, {"kind": "resample"}, "two", in_wave_0=np.zeros(9, np.float32))
    results = {result.name: result for result in replay(cases)}
    assert results["one"].passed
    assert "KeyError" in results["two"].detail


def test_every_documented_array_kind_has_a_handler() -> None:
    documented = """t2s_single t2s_batch t2s_sampler t2s_stream s1_loss quantizer sovits_decode
        sovits_decode_streaming s2_loss spectrogram resample sv cfm decode_encp vocoder_v4
        bigvgan_v3 vocoder_chunks hubert bert sola"""
    assert set(documented.split()) == ARRAY_KINDS.keys()


HELLO = {
    "text": "Hi, all.",
    "lang": "en",
    "version": "v2",
    "norm_text": "Hi, all.",
    "phones": ["HH", "AY1", ",", "AO1", "L", "."],
    "ids": [51, 22, 1, 16, 62, 3],
    "word2ph": None,
}


@pytest.mark.parametrize(
    ("change", "passes"),
    [({}, True), ({"norm_text": "High"}, False), ({"ids": [1]}, False), ({"phones": []}, False)],
)
def test_a_text_is_held_to_all_that_is_said_of_it(
    tmp_path: Path, change: dict[str, Any], passes: bool
) -> None:
    (tmp_path / "text-en-other.json").write_text(json.dumps([HELLO | change]))
    assert run(tmp_path) == (0 if passes else 1)
