"""Cutting a text into pieces that are synthesized one by one, and grouping pieces into batches.

The ways to cut, and the repairs around them (short pieces join the next, a closing mark is
added), are those of the official pipeline, so a text is spoken with the same breaks.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from math import ceil, inf

from engine.text.mapped.languages import MAPPED_LANGUAGES
from engine.text.marks import STAND_INS
from engine.text.width import DIGIT_WIDTH, WIDE, WIDE_WIDTH, spoken_width
from engine.types import SplitPolicy

_ENDINGS = "，。？！,.?!~:：—…"
_ENDING = re.compile(f"[{_ENDINGS}]")
_CLAUSE = re.compile(f"[^{_ENDINGS}]*[{_ENDINGS}]|[^{_ENDINGS}]+")
_REPEATED_MARKS = re.compile(r"([!?…,.\-])[!?…,.\-]+")
_LATIN_WORD = re.compile(r"[!-\u024f]+")
_SPOKEN = re.compile(rf"[\w{STAND_INS}]")
_MUTE = frozenset("!?…,.- ")
_PIECE_MARKS = frozenset(",.;?!、，。？！：…")
WIDEST_PIECE = 3 * 510
SPEAKABLE_PIECE = 540  # even a slow voice says as much in the minute that released models have
_LONGEST_PIECE = 510
_SHORTEST_PIECE = 5
_SHORT_OPENING = 4
_CLAUSES_PER_PIECE = 4
_TARGET_CHARACTERS = 50


def collapse_marks(text: str) -> str:
    """`text` with each run of `!?…,.-` reduced to its first mark."""
    return _REPEATED_MARKS.sub(r"\1", text)


def finish_sentence(text: str, language: str) -> str:
    """`text` closed with a full stop of its language unless it ends in a mark already."""
    text = text.strip("\n")
    return text if not text or text[-1] in _ENDINGS else text + _full_stop(language)


def close_lines(text: str, language: str) -> str:
    """`text` with a full stop behind each line but the last that has no mark of its own."""
    *lines, last = text.split("\n")
    return "\n".join([*(finish_sentence(line.rstrip(), language) for line in lines), last])


def split_text(
    text: str, language: str, policy: SplitPolicy, widest: int = WIDEST_PIECE
) -> list[str]:
    """The pieces of `text` under `policy`; none when there is nothing to say.

    Pieces have at least 5 characters where the text allows it and never more than 510. Those
    wider than `widest` letters, of which a CJK character counts as three and a digit as four, are
    cut in even parts, with a comma where there is no mark.
    """
    text = text.strip("\n")
    if not text:
        return []
    opening = _ENDING.split(text, maxsplit=1)[0]
    if text[0] not in _ENDINGS and len(opening.strip()) < _SHORT_OPENING:
        text = _full_stop(language) + text
    lines = "\n".join(_CUTS[policy](text)).split("\n")
    pieces = _join_short(line for line in lines if line not in ("", " "))
    spoken = [piece for piece in pieces if _SPOKEN.search(piece)]
    bounded = [part for piece in spoken for part in _bounded(finish_sentence(piece, language))]
    return [part for piece in bounded for part in _even_parts(piece, language, widest)]


def plan_batches(
    lengths: Sequence[int], batch_size: int, *, threshold: float = 0.75
) -> list[list[int]]:
    """Group indices of pieces of like length, short ones first.

    A group shrinks until its middle length is at least `threshold` times its mean.
    """
    order = sorted(range(len(lengths)), key=lambda index: lengths[index])
    batches: list[list[int]] = []
    start = 0
    while start < len(order):
        end = min(start + batch_size, len(order))
        while end - start > 1 and not _is_even([lengths[i] for i in order[start:end]], threshold):
            end -= 1
        batches.append(order[start:end])
        start = end
    return batches


def _is_even(lengths: Sequence[int], threshold: float) -> bool:
    return lengths[len(lengths) // 2] * len(lengths) >= threshold * sum(lengths)


def _full_stop(language: str) -> str:
    return "." if language == "en" or language in MAPPED_LANGUAGES else "。"


def _comma(language: str) -> str:
    return "," if _full_stop(language) == "." else "，"


def _clauses(text: str) -> list[str]:
    text = text.replace("……", "。").replace("——", "，")
    return _CLAUSE.findall(text if text[-1] in _ENDINGS else text + "。")


def _uncut(text: str) -> list[str]:
    return [text]


def _by_four_clauses(text: str) -> list[str]:
    clauses = _clauses(text)
    if len(clauses) <= _CLAUSES_PER_PIECE:
        return [text]
    starts = range(0, len(clauses) - _CLAUSES_PER_PIECE, _CLAUSES_PER_PIECE)  # the rest joins
    ends = [*starts[1:], len(clauses)]
    pieces = ["".join(clauses[start:end]) for start, end in zip(starts, ends, strict=True)]
    return _audible(pieces)


def _by_fifty_characters(text: str) -> list[str]:
    clauses = _clauses(text)
    if len(clauses) < 2:
        return [text]
    pieces, piece = [], ""
    for clause in clauses:
        piece += clause
        if len(piece) > _TARGET_CHARACTERS:
            pieces.append(piece)
            piece = ""
    pieces += [piece] if piece else []
    if len(pieces) > 1 and len(pieces[-1]) < _TARGET_CHARACTERS:
        pieces[-2:] = ["".join(pieces[-2:])]
    return _audible(pieces)


def _by_chinese_stop(text: str) -> list[str]:
    return _audible(text.strip("。").split("。"))


def _by_english_stop(text: str) -> list[str]:
    return _audible(re.split(r"(?<!\d)\.(?!\d)", text.strip(".")))


def _by_punctuation(text: str) -> list[str]:
    pieces = re.findall(r"(?:[^,.;?!、，。？！：…]|(?<=\d)\.(?=\d))*[,.;?!、，。？！：…]?", text)
    return [piece for piece in pieces if not _PIECE_MARKS.issuperset(piece)]


def _audible(pieces: Iterable[str]) -> list[str]:
    return [piece for piece in pieces if not _MUTE.issuperset(piece)]


def _join_short(pieces: Iterable[str]) -> list[str]:
    joined, pending = [], ""
    for piece in pieces:
        pending += piece
        if len(pending) >= _SHORTEST_PIECE:
            joined.append(pending)
            pending = ""
    if pending and joined:
        joined[-1] += pending
    elif pending:
        joined.append(pending)
    return joined


def _bounded(piece: str) -> list[str]:
    """`piece` in parts of at most 510 characters, cut at marks, then at spaces, then anywhere."""
    if len(piece) <= _LONGEST_PIECE:
        return [piece]
    parts, part = [], ""
    for token in re.findall(rf"[{_ENDINGS}]|[^{_ENDINGS}]{{1,{_LONGEST_PIECE - 1}}}(?!\S)|"
                            rf"[^{_ENDINGS}]{{1,{_LONGEST_PIECE - 1}}}", piece):  # fmt: skip
        if len(part) + len(token) > _LONGEST_PIECE:
            parts.append(part)
            part = ""
        part += token
    return [part for part in [*parts, part] if _SPOKEN.search(part)]


def _even_parts(piece: str, language: str, widest: int) -> list[str]:
    """`piece` in as few parts as `widest` allows, cut at marks, spaces or between hanzi.

    What has none of these for twice as long, such as a token in base64, is cut anywhere.
    """
    parts = []
    for word in [word for word in _LATIN_WORD.findall(piece) if len(word) > 2 * widest]:
        shorter = [word[at : at + widest] for at in range(0, len(word), widest)]
        piece = piece.replace(word, " ".join(shorter))
    for count in range(ceil(spoken_width(piece) / widest), 1, -1):
        cut = _cut_near(piece, spoken_width(piece) / count)
        part, piece = piece[:cut].rstrip(), piece[cut:].lstrip()
        if part:
            parts.append(part if part[-1] in _ENDINGS else part + _comma(language))
    return [part for part in [*parts, piece] if _SPOKEN.search(part)]


def _cut_near(piece: str, width: float) -> int:
    """The place for a cut that is nearest to `width`; places behind a mark seem twice as near."""
    nearest, shortest, at = 0, inf, 0
    for index, character in enumerate(piece, start=1):
        is_wide = WIDE.match(character)
        at += WIDE_WIDTH if is_wide else DIGIT_WIDTH if character.isdecimal() else 1
        if not is_wide and not character.isspace():
            continue
        marked = piece[:index].rstrip()[-1:] in _ENDINGS
        distance = abs(at - width) * (0.5 if marked else 1.0)
        if distance < shortest and _SPOKEN.search(piece[index:]):
            nearest, shortest = index, distance
    return nearest


_CUTS: Mapping[SplitPolicy, Callable[[str], list[str]]] = {
    SplitPolicy.NONE: _uncut,
    SplitPolicy.FOUR_CLAUSES: _by_four_clauses,
    SplitPolicy.FIFTY_CHARACTERS: _by_fifty_characters,
    SplitPolicy.CHINESE_STOP: _by_chinese_stop,
    SplitPolicy.ENGLISH_STOP: _by_english_stop,
    SplitPolicy.PUNCTUATION: _by_punctuation,
}
