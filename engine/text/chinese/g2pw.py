"""Readings of Chinese characters by the g2pW network, which sees what stands around them.

Reference: Chen, Chang, Chang, Yeh, "g2pW: A Conditional Weighted Softmax BERT for Polyphone
Disambiguation in Mandarin", arXiv:2203.10430. The network reads traditional characters, so the
text is converted first; it is asked only about characters with several readings.

Differs from the paper: some characters are left to pypinyin, and words to the phrase dictionary
(`polyphones.py`), as the released models were trained.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from engine.errors import MissingDependencyError
from engine.text.chinese.libraries import character_pinyin, simplified

INPUTS = (
    "input_ids",
    "token_type_ids",
    "attention_mask",
    "phoneme_mask",
    "char_ids",
    "position_ids",
)
_CONTEXT = 16  # characters before and after
_BEGIN, _END, _UNKNOWN = "[CLS]", "[SEP]", "[UNK]"
# Read by dictionary although the network knows several readings.
_NOT_ASKED = frozenset("一不和咋嗲剖差攢倒難奔勁拗肖瘙誒泊听噢")
_NOT_SINGLE = frozenset("似攢")
_TONES = frozenset("12345")

Array = NDArray[Any]


class OnnxSession(Protocol):
    """The part of `onnxruntime.InferenceSession` that is used."""

    def run(
        self, output_names: Sequence[str] | None, input_feed: Mapping[str, Array]
    ) -> Sequence[Array]:
        """The outputs for named inputs."""
        ...


@dataclass(frozen=True, slots=True)
class Readings:
    """What the files beside the network say.

    Attributes:
        labels: what the network's outputs mean, in bopomofo with the tone, perhaps behind the
            character and a space.
        choices: the labels that each character with several readings can have, by number.
        single: the reading of each character that has but one.
        pinyin: bopomofo without its tone -> pinyin.
    """

    labels: tuple[str, ...]
    choices: Mapping[str, tuple[int, ...]]
    single: Mapping[str, str]
    pinyin: Mapping[str, str]


class G2pwPredictor:
    """A `PolyphonePredictor` by the network.

    Args:
        session: with the inputs `INPUTS`; gives probabilities [B, labels] first.
        readings: what its outputs mean.
        vocabulary: token -> id, of the BERT that it was made from.
    """

    name = "g2pW"

    def __init__(
        self, session: OnnxSession, readings: Readings, vocabulary: Mapping[str, int]
    ) -> None:
        self._session = session
        self._readings = readings
        self._vocabulary = vocabulary
        self._numbers = {char: number for number, char in enumerate(sorted(readings.choices))}

    def read(self, clause: str) -> Sequence[str]:
        """One syllable with its tone (`zhong1`) for each character; marks as they are."""
        traditional = _traditional(clause)
        syllables = character_pinyin(simplified(clause))
        asked = [at for at, char in enumerate(traditional) if self._is_asked(char)]
        for at, char in enumerate(traditional):
            if char in self._readings.single and char not in _NOT_SINGLE:
                syllables[at] = self._to_pinyin(self._readings.single[char]) or syllables[at]
        for at, bopomofo in zip(asked, self._predict(traditional, asked), strict=True):
            syllables[at] = self._to_pinyin(bopomofo) or syllables[at]
        return syllables

    def _is_asked(self, char: str) -> bool:
        return char in self._readings.choices and char not in _NOT_ASKED

    def _predict(self, text: str, positions: Sequence[int]) -> list[str]:
        """The reading of each character of `text` that stands at one of `positions`."""
        if not positions:
            return []
        probabilities = self._session.run(None, self._inputs(text, positions))[0]
        best = np.argmax(probabilities, axis=1)
        return [self._readings.labels[int(label)].split(" ")[-1] for label in best]

    def _inputs(self, text: str, positions: Sequence[int]) -> dict[str, Array]:
        """A row of the batch for each position: its surroundings, and what is asked of them."""
        starts = [max(0, at - _CONTEXT) for at in positions]
        windows = [text[start : at + _CONTEXT] for start, at in zip(starts, positions, strict=True)]
        ids = np.zeros((len(positions), max(map(len, windows)) + 2), np.int64)
        attention = np.zeros_like(ids)
        mask = np.zeros((len(positions), len(self._readings.labels)), np.float32)
        for row, (window, at) in enumerate(zip(windows, positions, strict=True)):
            ids[row, : len(window) + 2] = self._tokens(window)
            attention[row, : len(window) + 2] = 1
            mask[row, list(self._readings.choices[text[at]])] = 1.0
        chars = [self._numbers[text[at]] for at in positions]
        inside = [at - start + 1 for start, at in zip(starts, positions, strict=True)]
        values = (
            ids,
            np.zeros_like(ids),
            attention,
            mask,
            np.array(chars, np.int64),
            np.array(inside, np.int64),
        )
        return dict(zip(INPUTS, values, strict=True))

    def _tokens(self, window: str) -> list[int]:
        unknown = self._vocabulary[_UNKNOWN]
        inner = [self._vocabulary.get(char, unknown) for char in window]
        return [self._vocabulary[_BEGIN], *inner, self._vocabulary[_END]]

    def _to_pinyin(self, bopomofo: str) -> str:
        """`ㄓㄨㄥ1` as `zhong1`; empty for what the table does not know."""
        sound, tone = bopomofo[:-1], bopomofo[-1:]
        syllable = self._readings.pinyin.get(sound, "").replace("u:", "v")
        return syllable + tone if syllable and tone in _TONES else ""


def _traditional(text: str) -> str:
    """`text` in the characters of Taiwan, of the same length."""
    converted = str(_converter().convert(text))
    return converted if len(converted) == len(text) else text


@cache
def _converter() -> Any:
    try:
        from opencc import OpenCC
    except ImportError as error:
        raise MissingDependencyError(
            "OpenCC (needed to read Chinese by g2pW)", "pip install opencc"
        ) from error
    return OpenCC("s2tw")
