"""Replays the text cases: phonemes, language spans, mixed modes, cuts and batch plans.

A file passes when enough of its texts are exact and the phonemes of all of them agree enough
(1 minus edit distance over length). What else the official front ends say of a text is held to the
same share of texts: its normalized form, phonemes per character, segments. Ids have to follow from
phonemes without exception. `python -m tests.golden.text_kinds <folder>` lists every text that
differs.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from engine.errors import EmptyTextError
from engine.text.cantonese.frontend import CantoneseFrontend
from engine.text.chinese.frontend import ChineseFrontend
from engine.text.english.frontend import EnglishFrontend
from engine.text.frontend import TextFrontend
from engine.text.identification import LanguageIdentifier
from engine.text.japanese.frontend import JapaneseFrontend
from engine.text.korean.frontend import KoreanFrontend
from engine.text.language import LanguageFrontend
from engine.text.spans import spans
from engine.text.splitting import collapse_marks, plan_batches, split_text
from engine.text.symbols import PAUSE_MARKS, SymbolTable
from engine.types import PhonemeSegment, SplitPolicy
from tests.golden.result import CaseResult

Record = dict[str, Any]
_Pairs = Mapping[str, tuple[object, object]]
WITH_CHARACTER_FEATURES = "zh"
IDS = "ids"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was read for one text, and what should have been.

    `beside` has pairs of the same of what goes along with the phonemes, by name.
    """

    text: str
    got: Sequence[object]
    expected: Sequence[object]
    beside: Mapping[str, tuple[object, object]] = field(default_factory=dict)

    @property
    def is_exact(self) -> bool:
        return list(self.got) == list(self.expected)


class _Oracle:
    """Plays the network of the g2pW branch with the answers that a case holds."""

    def __init__(self, answers: Sequence[Sequence[str]]) -> None:
        self._answers = iter(answers)

    def read(self, clause: str) -> Sequence[str]:
        return next(self._answers, list(clause))


def read_language(records: Sequence[Record]) -> Iterator[Outcome]:
    """Texts of one language through its front end."""
    frontends: dict[tuple[str, str], LanguageFrontend] = {}
    for record in records:
        language, version = record["lang"], record["version"]
        if (language, version) not in frontends:
            frontends[language, version] = _FRONTENDS[language](SymbolTable(version))
        frontend = frontends[language, version]
        if "oracle" in record:
            frontend = ChineseFrontend(SymbolTable(version), _Oracle(record["oracle"]))
        found = frontend.read(record["text"])
        beside = _beside(found, record, SymbolTable(version))
        yield Outcome(record["text"], found.phonemes, record["phones"], beside)


def _beside(found: PhonemeSegment, record: Record, table: SymbolTable) -> _Pairs:
    """The normalized text, the phonemes of its characters where they are counted, the ids."""
    pairs: dict[str, tuple[object, object]] = {}
    if "norm_text" in record:
        pairs["normalized texts"] = (found.normalized_text, record["norm_text"])
    if record.get("word2ph") is not None:
        pairs["counts"] = (list(found.word2ph or ()), record["word2ph"])
    if "ids" in record and list(found.phonemes) == record["phones"]:
        pairs[IDS] = (list(table.encode(found.phonemes)), record["ids"])
    return pairs


def read_modes(records: Sequence[Record]) -> Iterator[Outcome]:
    """Texts through the whole front end; ids are compared, and the segments they came from."""
    frontends: dict[str, TextFrontend] = {}
    for record in records:
        version = record.get("version", "v2")
        frontend = frontends.setdefault(version, TextFrontend(version))
        marks = set(frontend.table.encode((*PAUSE_MARKS, "UNK", "_")))
        text, expected = record["text"], record["ids"]
        name = f"{record['language_mode']}: {text}"
        try:
            found = frontend.phonemes(text, record["language_mode"])
        except EmptyTextError:  # right where the official front end finds marks alone
            yield Outcome(name, expected if marks.issuperset(expected) else (), expected)
            continue
        segments = [_described(segment) for segment in found.segments]
        beside = {"segments": (segments, _expected_segments(record))}
        yield Outcome(name, found.phoneme_ids, expected, beside)


def _described(segment: PhonemeSegment) -> tuple[object, ...]:
    has_features = segment.language == WITH_CHARACTER_FEATURES
    text = segment.normalized_text.strip()
    return segment.language, text, len(segment.phonemes), has_features


def _expected_segments(record: Record) -> list[tuple[object, ...]]:
    """The segments that the ids came from.

    The official front end also tells of segments without phonemes, and of the first attempt at a
    text that was too short: the ids are those of the last.
    """
    parts = [part for part in record["segments"] if part["n_phones"]]
    while sum(part["n_phones"] for part in parts) > len(record["ids"]):
        parts.pop(0)
    return [
        (part["lang"], part["norm_text"].strip(), part["n_phones"], part["uses_bert"])
        for part in parts
    ]


def read_spans(records: Sequence[Record]) -> Iterator[Outcome]:
    """Language spans, as the language of each character."""
    identifier = LanguageIdentifier()
    for record in records:
        found = spans(record["text"], record["default_lang"] or None, identifier=identifier)
        got = [f"{run.language} {char}" for run in found for char in run.text]
        segments = record["segments"]
        expected = [f"{part['lang']} {char}" for part in segments for char in part["text"]]
        yield Outcome(record["text"], got, expected)


def read_cuts(records: Sequence[Record]) -> Iterator[Outcome]:
    """Sentence cutting; what the official code refuses has no pieces here."""
    for record in records:
        text = collapse_marks(record["text"])
        got = split_text(text, record["lang"], SplitPolicy(record["method"]))
        collapsed = (text, record.get("after_replace_consecutive", text))
        name = f"{record['method']}: {record['text']}"
        yield Outcome(name, got, record.get("pieces", []), {"collapsed marks": collapsed})


def read_batches(records: Sequence[Record]) -> Iterator[Outcome]:
    """Batch plans."""
    for record in records:
        lengths, size = record["lens"], record["batch_size"]
        got = plan_batches(lengths, size, threshold=record["threshold"])
        if not record["split_bucket"]:
            order = range(len(lengths))
            got = [list(order[start : start + size]) for start in order[::size]]
        yield Outcome(f"{size} of {lengths}", got, record["batch_index_list"])


def differing(path: Path) -> Iterator[Outcome]:
    """The texts of the file at `path` that are not read as expected."""
    kind = max((kind for kind in _READERS if path.name.startswith(kind)), key=len)
    reader, _, _ = _READERS[kind]
    for outcome in reader(_records(path)):
        if not outcome.is_exact:
            yield outcome
        for what, (got, expected) in outcome.beside.items():
            if got != expected:
                yield Outcome(f"{outcome.text} ({what})", [got], [expected])


def _replay(kind: str, path: Path) -> CaseResult:
    reader, share, agreement = _READERS[kind]
    outcomes = list(reader(_records(path)))
    misses = [outcome for outcome in outcomes if not outcome.is_exact]
    distance = sum(_edit_distance(miss.got, miss.expected) for miss in misses)
    length = sum(len(outcome.expected) for outcome in outcomes)
    errors = [
        (len(misses) / max(len(outcomes), 1), 1 - share, "texts"),
        (distance / max(length, 1), 1 - agreement, "phonemes"),
        *_errors_beside(outcomes, 1 - share),
    ]
    passed = bool(outcomes) and all(error <= limit for error, limit, _ in errors)
    error, limit, what = max(errors, key=lambda each: (each[0] > each[1], each[0]))
    listed = " / ".join(miss.text[:24] for miss in misses[:8])
    exact = f"{len(outcomes) - len(misses)}/{len(outcomes)} {what}"
    return CaseResult(kind, path.stem, error, limit, passed, f"{exact} {listed}".strip())


def _errors_beside(outcomes: Sequence[Outcome], limit: float) -> Iterator[tuple[float, float, str]]:
    """The share of texts whose ids, counts and so on differ, the limit, and what it is about."""
    pairs = [(what, pair) for outcome in outcomes for what, pair in outcome.beside.items()]
    for what in dict.fromkeys(what for what, _ in pairs):
        wrong = sum(got != expected for name, (got, expected) in pairs if name == what)
        yield wrong / len(outcomes), 0.0 if what == IDS else limit, what


def _records(path: Path) -> list[Record]:
    records: list[Record] = json.loads(path.read_text(encoding="utf-8"))
    return records


def _edit_distance(got: Sequence[object], expected: Sequence[object]) -> int:
    """Levenshtein distance, one row at a time."""
    row = list(range(len(expected) + 1))
    for above, item in enumerate(got, start=1):
        diagonal, row[0] = row[0], above
        for index, wanted in enumerate(expected, start=1):
            cheapest = min(row[index], row[index - 1]) + 1
            diagonal, row[index] = row[index], min(cheapest, diagonal + (item != wanted))
    return row[-1]


_FRONTENDS: dict[str, Callable[[SymbolTable], LanguageFrontend]] = {
    "en": EnglishFrontend,
    "zh": ChineseFrontend,
    "ja": JapaneseFrontend,
    "ko": KoreanFrontend,
    "yue": CantoneseFrontend,
}
_Reader = Callable[[Sequence[Record]], Iterator[Outcome]]
_READERS: dict[str, tuple[_Reader, float, float]] = {
    "text-en": (read_language, 0.90, 0.99),
    "text-zh": (read_language, 0.95, 0.995),
    "text-zh-v2-g2pw": (read_language, 0.90, 0.99),
    "text-ja": (read_language, 0.85, 0.98),
    "text-ko": (read_language, 0.95, 0.995),
    "text-yue": (read_language, 0.95, 0.995),
    "text-modes": (read_modes, 0.90, 0.98),
    "text-langsegment": (read_spans, 0.90, 0.98),
    "text-cuts": (read_cuts, 1.0, 1.0),
    "to_batch": (read_batches, 1.0, 1.0),
}
KINDS: dict[str, Callable[[Path], CaseResult]] = {kind: partial(_replay, kind) for kind in _READERS}


def main(folder: Path) -> None:
    """Print every text of `folder` that is read differently, expected line first."""
    for path in sorted(folder.glob("t*.json")):
        for outcome in differing(path):
            print(f"{path.name}: {outcome.text}")
            print("  expected", *outcome.expected)
            print("  read    ", *outcome.got)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
