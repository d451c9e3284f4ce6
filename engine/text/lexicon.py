"""A pronunciation lexicon: words that are read otherwise than a front end would.

As a file it is a JSON list of objects with `word`, optionally `language`, and either `alias` (text
that is spoken instead) or `phonemes` (see `engine.text.readings`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from engine.errors import PronunciationError
from engine.text.marks import fold, unfold
from engine.text.readings import base_language, marks_of
from engine.types import Pronunciation

LONGEST_WORD, LONGEST_READING = 100, 300
_LETTER = re.compile("[A-Za-z0-9\u00c0-\u024f]")


class Lexicon:
    """Pronunciations to be found in texts; of two of one word the first counts.

    Args:
        entries: what they are.
        field: the name that errors give to the list.

    Raises:
        PronunciationError: an entry is incomplete or too long; phonemes are checked when used.
    """

    def __init__(
        self, entries: Sequence[Pronunciation] = (), field: str = "pronunciations"
    ) -> None:
        self._field = field
        self._by_start: dict[str, list[tuple[int, str, Pronunciation]]] = {}
        for index, entry in enumerate(entries):
            self._check(index, entry)
            key = entry.word.lower()
            self._by_start.setdefault(key[0], []).append((index, key, entry))
        for listed in self._by_start.values():
            listed.sort(key=lambda each: -len(each[1]))
        starts = "".join(map(re.escape, self._by_start))
        self._start = re.compile(f"[{starts}]", re.IGNORECASE) if starts else None

    def apply(self, text: str, language: str) -> str:
        """`text`, to be read in a language or mode, with its words marked or replaced.

        What is marked already stays so.

        Raises:
            PronunciationError: the phonemes of a word that occurs do not fit it.
        """
        if self._start is None:
            return text
        folded, marks = fold(text)
        done: list[str] = []
        at = 0
        for match in self._start.finditer(folded):
            if match.start() < at:
                continue
            found = self._entry_at(folded, match.start(), language)
            if found is not None:
                index, entry = found
                done += [folded[at : match.start()], self._spoken(index, entry, language)]
                at = match.start() + len(entry.word)
        return unfold("".join([*done, folded[at:]]), marks)

    def _entry_at(self, text: str, at: int, language: str) -> tuple[int, Pronunciation] | None:
        for index, key, entry in self._by_start.get(text[at].lower(), ()):
            end = at + len(entry.word)
            is_here = text[at:end].lower() == key and _is_whole(text, at, end)
            if is_here and _applies(entry.language, language):
                return index, entry
        return None

    def _spoken(self, index: int, entry: Pronunciation, language: str) -> str:
        if entry.alias:
            return entry.alias
        own = entry.language or base_language(language) or "en"
        try:
            return "".join(map(str, marks_of(entry.word, entry.phonemes, own)))
        except PronunciationError as error:
            raise self._error(index, "phonemes", str(error)) from error

    def _check(self, index: int, entry: Pronunciation) -> None:
        if not 0 < len(entry.word.strip()) <= LONGEST_WORD:
            raise self._error(index, "word", f"a word has 1 to {LONGEST_WORD} characters")
        if bool(entry.alias) == bool(entry.phonemes):
            raise self._error(index, "alias", "give either an alias or phonemes")
        name = "alias" if entry.alias else "phonemes"
        if len(entry.alias or entry.phonemes) > LONGEST_READING:
            raise self._error(index, name, f"it is longer than {LONGEST_READING} characters")
        if entry.phonemes and entry.language:
            try:
                marks_of(entry.word, entry.phonemes, entry.language)
            except PronunciationError as error:
                raise self._error(index, name, str(error)) from error

    def _error(self, index: int, name: str, message: str) -> PronunciationError:
        return PronunciationError(message, f"{self._field}[{index}].{name}")


def read_lexicon(path: Path) -> tuple[Pronunciation, ...]:
    """The entries of a JSON file, checked.

    Raises:
        PronunciationError: the file cannot be read, or an entry is wrong; the message says which.
    """
    try:
        raw = json.loads(path.read_text("utf-8"))
        entries = TypeAdapter(tuple[Pronunciation, ...]).validate_python(raw)
    except (OSError, ValueError, ValidationError) as error:
        raise PronunciationError(f"{path} is no lexicon: {error}", path.name) from error
    try:
        Lexicon(entries, path.name)
    except PronunciationError as error:
        raise PronunciationError(f"{error.field} of {path}: {error}", error.field) from error
    return entries


def _is_whole(text: str, begin: int, end: int) -> bool:
    """Whether letters of an alphabet end where the word does."""
    before = begin > 0 and _LETTER.match(text[begin]) and _LETTER.match(text[begin - 1])
    behind = end < len(text) and _LETTER.match(text[end - 1]) and _LETTER.match(text[end])
    return not (before or behind)


def _applies(of_entry: str, language: str) -> bool:
    """Whether a text in `language`, which may be a mode, may hold words of the entry's."""
    base = base_language(language)
    asian: Iterable[str] = ("zh", "yue", "ja", "ko")
    return (
        of_entry in ("", base)
        or (base == "" and of_entry != "yue")
        or (of_entry == "en" and base in asian)
        or (language == "auto_yue" and of_entry in ("ja", "ko"))
    )
