"""The folder of g2pW, as it is published: `g2pW.onnx` and the lists that give it meaning.

It is looked for as `G2PWModel` in the bundle and beside it, where all bundles find it.
"""

from __future__ import annotations

import ast
import json
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from engine.checkpoints.bundle_folder import BundleConfig
from engine.checkpoints.parts import read_vocabulary
from engine.errors import BundleError, MissingDependencyError
from engine.text.chinese.g2pw import INPUTS, G2pwPredictor, OnnxSession, Readings

logger = logging.getLogger(__name__)

FOLDER = "G2PWModel"
NETWORK = "g2pW.onnx"
SEVERAL, SINGLE = "POLYPHONIC_CHARS.txt", "MONOPHONIC_CHARS.txt"
PINYIN = "bopomofo_to_pinyin_wo_tune_dict.json"
VOCABULARY = "vocab.txt"
SETTINGS = "config.py"


def reads_by_predictor(config: BundleConfig) -> bool:
    """Whether a bundle reads Mandarin by g2pW where it is: v1 was trained without it."""
    return "zh" in config.languages and config.symbols != "v1"


def predictor_folder(bundle: Path) -> Path | None:
    """The folder that a bundle reads Mandarin by; None where there is none."""
    places = (bundle / FOLDER, bundle.resolve().parent / FOLDER)
    return next((place for place in places if (place / NETWORK).is_file()), None)


def find_predictor(bundle: Path, vocabulary: Mapping[str, int]) -> G2pwPredictor | None:
    """What decides the readings of a bundle's Mandarin; None leaves it to dictionaries.

    Args:
        vocabulary: of the bundle's character features, the same BERT's; may be empty where the
            folder has its own `vocab.txt`.

    Raises:
        BundleError: a file of the folder is missing or damaged.
        MissingDependencyError: ONNX Runtime is not installed.
    """
    folder = predictor_folder(bundle)
    if folder is None:
        logger.info(
            "Mandarin is read by pypinyin: there is no %s beside %s; "
            "`python -m engine models pull g2pw` brings it",
            FOLDER,
            bundle,
        )
        return None
    logger.info("Mandarin is read by g2pW, from %s", folder)
    return load_predictor(folder, vocabulary)


def load_predictor(folder: Path, vocabulary: Mapping[str, int]) -> G2pwPredictor:
    """Load the network of a folder and its lists; see `find_predictor`."""
    if (folder / VOCABULARY).is_file() or not vocabulary:
        vocabulary = read_vocabulary(folder / VOCABULARY)
    return G2pwPredictor(_open(folder / NETWORK), read_readings(folder), vocabulary)


def check_folder(folder: Path) -> None:
    """Raise what `find_predictor` raises if the network of a folder or its lists are unusable."""
    _open(folder / NETWORK)
    read_readings(folder)


def read_readings(folder: Path) -> Readings:
    """Read the lists of a folder.

    Raises:
        BundleError: one is missing or damaged.
    """
    several = _pairs(folder / SEVERAL)
    by_character = _setting(folder / SETTINGS, "use_char_phoneme")
    named = [(char, f"{char} {sound}" if by_character else sound) for char, sound in several]
    labels = tuple(sorted({label for _, label in named}))
    numbers = {label: number for number, label in enumerate(labels)}
    choices: dict[str, tuple[int, ...]] = {}
    for char, label in named:
        choices[char] = (*choices.get(char, ()), numbers[label])
    return Readings(labels, choices, dict(_pairs(folder / SINGLE)), _table(folder / PINYIN))


def _open(path: Path) -> OnnxSession:
    try:
        import onnxruntime
        from onnxruntime.capi import onnxruntime_pybind11_state as faults
    except ImportError as error:
        raise MissingDependencyError(
            "onnxruntime (needed to read Chinese by g2pW)", "pip install onnxruntime"
        ) from error
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        session = onnxruntime.InferenceSession(str(path), options, ["CPUExecutionProvider"])
    except (
        faults.Fail,
        faults.InvalidProtobuf,
        faults.InvalidGraph,
        faults.NotImplemented,
    ) as error:
        raise BundleError(f"{path} is no network that can be run: {error}") from error
    names = {each.name for each in session.get_inputs()}
    if not names.issuperset(INPUTS):
        raise BundleError(f"{path} is not g2pW: it lacks {', '.join(sorted(set(INPUTS) - names))}")
    opened: OnnxSession = session
    return opened


def _pairs(path: Path) -> list[tuple[str, str]]:
    lines = [line.split("\t") for line in _text(path).splitlines() if line.strip()]
    if any(len(line) != 2 for line in lines):
        raise BundleError(f"{path} is not a list of characters and their readings")
    return [(char, sound) for char, sound in lines]


def _table(path: Path) -> Mapping[str, str]:
    try:
        table: Any = json.loads(_text(path))
    except ValueError as error:
        raise BundleError(f"{path} is damaged: {error}") from error
    if not isinstance(table, dict):
        raise BundleError(f"{path} is no table")
    return {str(key): str(value) for key, value in table.items()}


def _setting(path: Path, name: str) -> bool:
    """Whether a published settings file, which is Python and is not run, turns `name` on."""
    if not path.is_file():
        return False
    try:
        tree = ast.parse(_text(path))
    except SyntaxError as error:
        raise BundleError(f"{path} cannot be read: {error}") from error
    return any(
        isinstance(node, ast.Assign)
        and any(isinstance(target, ast.Name) and target.id == name for target in node.targets)
        and isinstance(node.value, ast.Constant)
        and bool(node.value.value)
        for node in tree.body
    )


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BundleError(f"{path} cannot be read; it is part of g2pW: {error}") from error
