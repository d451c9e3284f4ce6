"""Words with two readings, told apart by what stands around them.

The readings come with `g2p_en`, each pair with the part of speech of its first one. Whether a
word is used as that part of speech is decided by the closed-class words beside it: after `to`
or `will` stands a verb, after `the` or `my` a noun. A statistical tagger does this better on
rare constructions, but none is published as a package with its data.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

Reading = tuple[str, ...]


def _words(line: str) -> frozenset[str]:
    return frozenset(line.split())


_DETERMINERS = _words(
    """a an the this that these those my your his her its our their each every some any no such
    another whose what which both all one two three four five six seven eight nine ten"""
)
_SUBJECTS = _words("i you he she it we they who there")
_VERB_MARKERS = _words(
    """to will would can could shall should may might must do does did don't doesn't didn't won't
    wouldn't can't cannot couldn't shouldn't mustn't i'll you'll he'll she'll it'll we'll they'll
    i'd you'd he'd she'd we'd they'd let's please not never always often also"""
)
_BE = _words("be is are was were been being am i'm you're he's she's it's we're they're")
_HAVE = _words("have has had having i've you've we've they've")
_PREPOSITIONS = _words("of in on at by for with from into about over under between after before as")
_OBJECTS = _words("me you him her it us them himself herself itself themselves")
_CLAUSE_START = frozenset([".", ",", "!", "?", "-", "and", "or", "but", "so", "then", ""])
_EXTRA = {
    "read": (("R", "IY1", "D"), ("R", "EH1", "D"), "VBP"),
    "complex": (("K", "AH0", "M", "P", "L", "EH1", "K", "S"),
                ("K", "AA1", "M", "P", "L", "EH0", "K", "S"), "JJ"),
}  # fmt: skip


class Homographs:
    """The two-reading words of a `g2p_en` homograph list at `path`."""

    def __init__(self, path: Path) -> None:
        lines = path.read_text(encoding="utf-8").splitlines()
        rows = [line.split("|") for line in lines if line and not line.startswith("#")]
        self._entries: dict[str, tuple[Reading, Reading, str]] = {
            word.lower(): (tuple(first.split()), tuple(second.split()), tag.strip())
            for word, first, second, tag in rows
        }
        self._entries.update(_EXTRA)

    def reading(self, words: Sequence[str], index: int) -> Reading | None:
        """How `words[index]` is read there, or None when it has one reading; words lower-case."""
        entry = self._entries.get(words[index])
        if entry is None:
            return None
        first, second, tag = entry
        return first if _is_tagged(words, index, tag) else second


def _is_tagged(words: Sequence[str], index: int, tag: str) -> bool:
    before = words[index - 1] if index else ""
    after = words[index + 1] if index + 1 < len(words) else ""
    if tag == "VBP":  # read, in the present
        return _reads_in_the_present(words[:index], before)
    if tag == "VBN":  # used
        return before in _HAVE or before in _BE
    if tag in ("JJ", "ADJ"):
        return not (before in _DETERMINERS and after in _CLAUSE_START)
    if tag == "N":
        return not _is_verb_or_adjective(words[index], before)
    return _is_verb(words[index], before, after)


def _reads_in_the_present(earlier: Sequence[str], before: str) -> bool:
    if before in _HAVE or before in _BE or before in ("he", "she", "it", "who"):
        return False
    if before == "never" and len(earlier) > 1 and earlier[-2] in _HAVE:
        return False
    past = {"yesterday", "ago", "last", "already", "was", "were", "did"}
    return not past.intersection(earlier) or before in _VERB_MARKERS


def _is_verb_or_adjective(word: str, before: str) -> bool:
    return before in _BE or before in _VERB_MARKERS or word == "closer"


def _is_verb(word: str, before: str, after: str) -> bool:
    if before in _VERB_MARKERS or before in _SUBJECTS:
        return True
    if before in _DETERMINERS or before in _PREPOSITIONS or before in _BE:
        return False
    takes_object = after in _DETERMINERS or after in _OBJECTS
    if word.endswith("s") and not word.endswith("ss"):
        return takes_object or (before not in _CLAUSE_START and after not in _CLAUSE_START
                                and after not in _BE | _PREPOSITIONS | _HAVE
                                and not before.endswith("s"))  # fmt: skip
    return takes_object
