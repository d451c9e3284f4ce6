"""Ranks that digits and letters do not show: `21. Jahrhundert`, `die 1990er`, `Louis XIV`."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Protocol

from engine.text.roman import roman

Rules = tuple[tuple[str, Callable[[re.Match[str]], str]], ...]

_NUMERAL = r"(?=[IVX]{2})(X{0,3}(?:IX|IV|V?I{0,3}))(?![\w'’])"  # one letter is mostly no number
_AFTER_WORD = rf"(?<=[a-zß-ÿ] ){_NUMERAL}"
_CENTURY = r"\b(siglo|século|secolo) ([IVX])(?![\w'’])"
_HIGHEST_NAMED_RANK = 10  # of kings and centuries, in Spanish and Portuguese
_FEMININE = ("a", "parte", "Isabel")
_GERMAN_COUNTED = "Kapitel|Teil|Band|Akt|Abschnitt|Artikel|Tabelle|Klasse|Phase|Stufe|Typ|Weltkrieg"
_GERMAN_QUEENS = ("a", "e", "th")
_GERMAN_RANKED = (
    "Jahrhunderts?|Jahrtausends?|Etage|Stock|Platz|Geburtstag|Jahrestag|Mal|Kapitel|Runde|Auflage|"
    "Woche|Tag|Stelle|Lebensjahr|Weltkriegs?|Semester|Ausgabe|Minute|Bezirk|Teil|Klasse|Spieltag"
)
_GERMAN_DATIVE = "in|an|auf|aus|bei|mit|nach|seit|von|vor|zu|ab|neben|unter|über"


class Namer(Protocol):
    """Names numbers of one language."""

    def name(self, value: int) -> str:
        """Such as `three`."""
        ...

    def rank(self, value: int, *, feminine: bool = False) -> str:
        """Such as `third`."""
        ...

    def year(self, digits: str) -> str:
        """The name of a year."""
        ...


def rank_rules(language: str, namer: Namer) -> Rules:
    """What is to be read so in a mapped language; to be applied before any number."""
    if language == "de":
        return _german(namer)
    if language == "fr":
        return _french(namer)

    def read(match: re.Match[str]) -> str:
        value = roman(match[1])
        if value > _HIGHEST_NAMED_RANK and language != "it":
            return namer.name(value)
        before = match.string[: match.start()].rstrip()
        return namer.rank(value, feminine=before.endswith(_FEMININE))

    def century(match: re.Match[str]) -> str:
        return f"{match[1]} {namer.rank(roman(match[2]))}"

    return ((_CENTURY, century), (_AFTER_WORD, read))


def _french(namer: Namer) -> Rules:
    def read(match: re.Match[str]) -> str:
        return namer.name(roman(match[1]))

    def rank(match: re.Match[str]) -> str:
        return namer.rank(roman(match[1]), feminine=match[2] in ("re", "ère"))

    return ((r"(?<![\w'.-])([IVX]{1,6})(er|re|ère|e|ème|ième)(?!\w)", rank), (_AFTER_WORD, read))


def _german(namer: Namer) -> Rules:
    def decade(match: re.Match[str]) -> str:
        return namer.year(match[1]) + match[2]

    def ranked(match: re.Match[str]) -> str:
        preposition, article, digits = match.groups("")
        ending = "" if article and not preposition else "n"
        return f"{preposition}{article}{namer.rank(int(digits))}{ending}"

    def ruler(match: re.Match[str]) -> str:
        article = "die" if match[1].endswith(_GERMAN_QUEENS) else "der"
        return f"{match[1]} {article} {namer.rank(roman(match[2]))}"

    return (
        (r"(?<!\d)(\d{2}|\d{4})(ern?)(?![^\W\d_])", decade),
        (
            rf"(\b(?:{_GERMAN_DATIVE}) )?(\b[Dd](?:er|ie|as) )?"
            rf"(?<![\d.,])(\d{{1,3}})\.(?= (?:{_GERMAN_RANKED})\b)",
            ranked,
        ),
        (rf"\b({_GERMAN_COUNTED}) {_NUMERAL}", lambda m: f"{m[1]} {namer.name(roman(m[2]))}"),
        (rf"\b([A-ZÄÖÜ][a-zäöüß]+) {_NUMERAL}(?:\.(?= [a-zäöüß]))?", ruler),
    )
