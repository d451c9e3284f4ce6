"""OpenJTalk's full-context labels to phonemes and accent marks.

`[` marks a rise of pitch, `]` a fall, `#` the end of an accent phrase.
Reference: Kurihara, Seiyama, Kumano, "Prosodic features control by symbols as input of
sequence-to-sequence acoustic modeling for neural TTS", IEICE Transactions E104.D, 2021.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

_PHONEME = re.compile(r"-(.*?)\+")
_ACCENT = re.compile(r"/A:(-?\d+)\+(\d+)\+(\d+)/")
_MORAE = re.compile(r"/F:(\d+)_")
_MORA_END = frozenset(("a", "e", "i", "o", "u", "N", "cl"))
_DEVOICED = frozenset("AEIOU")
_NONE = -50


@dataclass(frozen=True, slots=True)
class _Label:
    """One phoneme in its accent phrase of `morae` morae.

    Attributes:
        accent: position relative to the accent nucleus.
        forward, backward: position in the phrase from its start and from its end, from 1.
    """

    phoneme: str
    accent: int
    forward: int
    backward: int
    morae: int


def phonemes_with_prosody(labels: Sequence[str]) -> list[str]:
    """The phonemes of an utterance with `[`, `]` and `#`; `_` for a pause.

    Devoiced vowels are written like voiced ones. The silences around the utterance are left out.
    """
    parsed = [_parse(label) for label in labels]
    marked: list[str] = []
    for label, following in zip(parsed, [*parsed, None][1:], strict=True):
        if label.phoneme == "sil":
            continue
        if label.phoneme == "pau":
            marked.append("_")
            continue
        marked.append(label.phoneme)
        marked.extend(_mark(label, following.forward if following else _NONE))
    return marked


def count_by_morae(
    words: Sequence[tuple[str, int]], phonemes: Sequence[str]
) -> list[tuple[str, int]]:
    """Share `phonemes` out to words of known numbers of morae.

    A mark belongs to the mora before it; what is left over belongs to the last word.
    """
    counts, position = [0] * len(words), 0
    left = [morae for _, morae in words]
    for phoneme in phonemes:
        if phoneme.isalpha():
            while position < len(words) - 1 and not left[position]:
                position += 1
            left[position] -= phoneme in _MORA_END
        if counts:
            counts[position] += 1
    return [(text, count) for (text, _), count in zip(words, counts, strict=True)]


def _parse(label: str) -> _Label:
    match = _PHONEME.search(label)
    phoneme = match[1] if match else ""
    accent, morae = _ACCENT.search(label), _MORAE.search(label)
    return _Label(
        phoneme=phoneme.lower() if phoneme in _DEVOICED else phoneme,
        accent=int(accent[1]) if accent else _NONE,
        forward=int(accent[2]) if accent else _NONE,
        backward=int(accent[3]) if accent else _NONE,
        morae=int(morae[1]) if morae else _NONE,
    )


def _mark(label: _Label, next_forward: int) -> list[str]:
    """The mark behind `label`, if any."""
    if label.backward == 1 and next_forward == 1 and label.phoneme in _MORA_END:
        return ["#"]
    if label.accent == 0 and next_forward == label.forward + 1 and label.forward != label.morae:
        return ["]"]
    return ["["] if label.forward == 1 and next_forward == 2 else []
