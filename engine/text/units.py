"""Which phonemes speak which part of the caller's text.

A sentence is read in a normalized spelling (numbers as words, signs spelled out). Its words are
matched with those of the text; where they differ, the whole differing stretch is one unit: in
`$5` nobody can say which phoneme speaks the `$`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from difflib import SequenceMatcher

from engine.text.locating import LocatedToken
from engine.text.tokens import is_cjk, spoken_tokens
from engine.types import Phonemes, PhonemeSegment


@dataclass(frozen=True, slots=True)
class TextUnit:
    """A part of the caller's text `[text_start, text_end)` and the phonemes that speak it.

    `first` and `last` are positions between phonemes, from 0 to their number; a character that
    shares phonemes with its neighbours gets an equal part of them. Units of one `word` belong
    together.
    """

    text_start: int
    text_end: int
    first: float
    last: float
    word: int


@dataclass(frozen=True, slots=True)
class _Read:
    """A word or character as it is read, and its phonemes."""

    key: str
    first: float
    last: float
    word: int


def text_units(phonemes: Phonemes, tokens: Sequence[LocatedToken]) -> list[TextUnit]:
    """The units of one sentence, in the order of the text; CJK characters one by one."""
    read = list(_read_units(phonemes))
    matcher = SequenceMatcher(
        None, [unit.key for unit in read], [token.key for token in tokens], autojunk=False
    )
    units: list[TextUnit] = []
    for operation, r0, r1, t0, t1 in matcher.get_opcodes():
        _extend(units, operation, read[r0:r1], tokens[t0:t1])
    return units


def whole_words(units: Iterable[TextUnit]) -> list[TextUnit]:
    """`units` with the characters of each word joined."""
    words: list[TextUnit] = []
    for unit in units:
        if words and words[-1].word == unit.word:
            words[-1] = replace(words[-1], text_end=unit.text_end, last=unit.last)
        else:
            words.append(unit)
    return words


def _extend(
    units: list[TextUnit], operation: str, read: Sequence[_Read], tokens: Sequence[LocatedToken]
) -> None:
    """Add what a stretch of read words says of a stretch of the text."""
    if not read:
        return
    if operation == "equal" or _is_one_to_one(read, tokens):
        pairs = zip(read, tokens, strict=True)
        for unit, token in pairs:
            _add(units, [unit], [token])
    else:
        _add(units, read, tokens)


def _is_one_to_one(read: Sequence[_Read], tokens: Sequence[LocatedToken]) -> bool:
    """Whether characters were only written otherwise, such as 國 as 国."""
    return len(read) == len(tokens) and all(
        is_cjk(unit.key) and is_cjk(token.text) for unit, token in zip(read, tokens, strict=True)
    )


def _add(units: list[TextUnit], read: Sequence[_Read], tokens: Sequence[LocatedToken]) -> None:
    """One unit; words that stand nowhere in the text lengthen the one before them."""
    spans = [token.span for token in tokens if token.span is not None]
    if spans:
        start, end = spans[0][0], spans[-1][1]
        units.append(TextUnit(start, end, read[0].first, read[-1].last, read[0].word))
    elif units:
        units[-1] = replace(units[-1], last=read[-1].last)


def _read_units(phonemes: Phonemes) -> Iterator[_Read]:
    """The words and CJK characters of all segments, without marks."""
    position, word = 0, 0
    for segment in phonemes.segments:
        for text, count in _words(segment):
            yield from _parts(text, position, count, word)
            position += count
            word += 1


def _words(segment: PhonemeSegment) -> Sequence[tuple[str, int]]:
    """Words and their numbers of phonemes: as the front end tells, else by characters, else
    by a guess that long words have more of them."""
    if segment.words:
        return segment.words
    if segment.word2ph:
        return tuple(zip(segment.normalized_text, segment.word2ph, strict=False))
    return _guessed(segment)


def _guessed(segment: PhonemeSegment) -> list[tuple[str, int]]:
    words = [token.text for token in spoken_tokens(segment.normalized_text)]
    letters, total = sum(map(len, words)), len(segment.phonemes)
    guessed, seen, given = [], 0, 0
    for text in words:
        seen += len(text)
        until = round(total * seen / letters)
        guessed.append((text, until - given))
        given = until
    return guessed


def _parts(text: str, position: int, count: int, word: int) -> Iterator[_Read]:
    """The tokens of one read word, with equal parts of its phonemes."""
    tokens = spoken_tokens(text)
    if not tokens or not all(is_cjk(token.text) for token in tokens):
        if any(char.isalnum() for char in text):
            key = tokens[0].key if len(tokens) == 1 else text.casefold()
            yield _Read(key, position, position + count, word)
        return
    share = count / len(tokens)
    for index, token in enumerate(tokens):
        first = position + index * share
        yield _Read(token.key, first, first + share, word)
