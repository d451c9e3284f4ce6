"""A GRU that spells out words no dictionary holds, with the weights that `g2p_en` carries.

It is run here on NumPy rather than imported: importing `g2p_en` downloads NLTK data.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float32]

_LETTERS = "abcdefghijklmnopqrstuvwxyz"
_UNKNOWN_LETTER, _WORD_END, _FIRST_LETTER = 1, 2, 3
_START, _END, _LONGEST = 2, 3, 20
_PHONEME_LINE = (
    "<pad> <unk> <s> </s> AA0 AA1 AA2 AE0 AE1 AE2 AH0 AH1 AH2 AO0 AO1 AO2 AW0 AW1 AW2 AY0 AY1 AY2 "
    "B CH D DH EH0 EH1 EH2 ER0 ER1 ER2 EY0 EY1 EY2 F G HH IH0 IH1 IH2 IY0 IY1 IY2 JH K L M N NG "
    "OW0 OW1 OW2 OY0 OY1 OY2 P R S SH T TH UH0 UH1 UH2 UW UW0 UW1 UW2 V W Y Z ZH"
)


class SpellingNetwork:
    """An encoder and a decoder GRU of 128 units, read from an `npz` file at `path`."""

    def __init__(self, path: Path) -> None:
        with np.load(path) as archive:
            self._weights: dict[str, Vector] = {name: archive[name] for name in archive.files}
        self._phonemes = _PHONEME_LINE.split()

    def predict(self, word: str) -> list[str]:
        """The most likely phonemes of `word` (lower-case), greedily decoded, 20 at most."""
        hidden = np.zeros_like(self._weights["enc_w_hh"][0])
        for index in [*map(_letter_index, word), _WORD_END]:
            hidden = self._step("enc", self._weights["enc_emb"][index], hidden)
        phonemes: list[int] = []
        index = _START
        while len(phonemes) < _LONGEST:
            hidden = self._step("dec", self._weights["dec_emb"][index], hidden)
            index = int(np.argmax(self._weights["fc_w"] @ hidden + self._weights["fc_b"]))
            if index == _END:
                break
            phonemes.append(index)
        return [self._phonemes[phoneme] for phoneme in phonemes if phoneme > _END]

    def _step(self, side: str, x: Vector, hidden: Vector) -> Vector:
        """One step of a GRU: `x` [64] and `hidden` [128] to the next hidden state [128]."""
        weights = self._weights
        from_x = weights[f"{side}_w_ih"] @ x + weights[f"{side}_b_ih"]
        from_h = weights[f"{side}_w_hh"] @ hidden + weights[f"{side}_b_hh"]
        size = hidden.shape[0]
        gates = 1 / (1 + np.exp(-(from_x[: 2 * size] + from_h[: 2 * size])))
        reset, update = gates[:size], gates[size:]
        candidate = np.tanh(from_x[2 * size :] + reset * from_h[2 * size :])
        return np.asarray((1 - update) * candidate + update * hidden, np.float32)


def _letter_index(letter: str) -> int:
    position = _LETTERS.find(letter)
    return _FIRST_LETTER + position if position >= 0 else _UNKNOWN_LETTER
