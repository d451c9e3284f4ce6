"""Mandarin is read by g2pW where its folder lies, and by dictionaries elsewhere."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from engine.checkpoints.polyphones import FOLDER, find_predictor, load_predictor, read_readings
from engine.errors import BundleError
from engine.pipeline.bundle import load_bundle
from engine.text.chinese.frontend import ChineseFrontend
from engine.text.symbols import SymbolTable
from tests.checkpoints.toy_g2pw import TOKENS, write_g2pw
from tests.tiny_folder import tiny_config, write_tiny_folder

IDS = {token: number for number, token in enumerate(TOKENS)}


@pytest.mark.parametrize("by_character", [False, True])
def test_what_stands_behind_a_character_decides_its_reading(
    tmp_path: Path, by_character: bool
) -> None:
    predictor = load_predictor(write_g2pw(tmp_path / FOLDER, by_character=by_character), {})
    assert predictor.read("行业行走") == ["hang2", "ye4", "xing2", "zou3"]
    assert predictor.read("长城,长大.") == ["chang2", "cheng2", ",", "zhang3", "da4", "."]


def test_one_reading_comes_from_the_list_and_others_from_dictionaries(tmp_path: Path) -> None:
    predictor = load_predictor(write_g2pw(tmp_path / FOLDER), {})
    assert predictor.read("女似") == ["nv3", "shi4"]
    assert predictor.read("") == []


def test_a_character_far_into_a_long_clause_is_seen_in_its_surroundings(tmp_path: Path) -> None:
    predictor = load_predictor(write_g2pw(tmp_path / FOLDER), {})
    syllables = predictor.read("大" * 200 + "行业" + "大" * 200 + "行走")
    assert (syllables[200], syllables[402], len(syllables)) == ("hang2", "xing2", 404)


def test_the_vocabulary_may_be_that_of_the_bundle(tmp_path: Path) -> None:
    folder = write_g2pw(tmp_path / FOLDER)
    (folder / "vocab.txt").unlink()
    assert load_predictor(folder, IDS).read("行业")[0] == "hang2"
    with pytest.raises(BundleError, match=r"vocab\.txt"):
        load_predictor(folder, {})


def test_the_front_end_speaks_as_the_network_reads(tmp_path: Path) -> None:
    predictor = load_predictor(write_g2pw(tmp_path / FOLDER), {})
    chinese = ChineseFrontend(SymbolTable("v2"), predictor)
    assert chinese.read("行走").phonemes == ("x", "ing2", "z", "ou3")


@pytest.mark.parametrize("place", ["models/tiny", "models"])
def test_a_bundle_finds_the_folder_in_and_beside_it(
    tmp_path: Path, place: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    write_g2pw(tmp_path / place / FOLDER)
    bundle = load_bundle(write_tiny_folder(tmp_path / "models" / "tiny", tiny_config()), "cpu")
    assert bundle.readers["zh"] == "g2pW"
    assert "Mandarin is read by g2pW" in caplog.text


def test_without_the_folder_dictionaries_read_and_the_log_says_so(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    assert find_predictor(tmp_path, IDS) is None
    assert "Mandarin is read by pypinyin" in caplog.text


@pytest.mark.parametrize("name", ["POLYPHONIC_CHARS.txt", "bopomofo_to_pinyin_wo_tune_dict.json"])
def test_an_incomplete_folder_is_refused_by_the_missing_file(tmp_path: Path, name: str) -> None:
    folder = write_g2pw(tmp_path / FOLDER)
    (folder / name).unlink()
    with pytest.raises(BundleError, match=name):
        read_readings(folder)


def test_a_file_that_is_no_network_is_refused(tmp_path: Path) -> None:
    folder = write_g2pw(tmp_path / FOLDER)
    (folder / "g2pW.onnx").write_bytes(b"nothing")
    with pytest.raises(BundleError, match="no network"):
        load_predictor(folder, IDS)
