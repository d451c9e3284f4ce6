"""What a language calls its units, months and signs: the rows of `readings.json`."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from importlib import resources

_FILE = "readings.json"


@dataclass(frozen=True, slots=True)
class Readings:
    """The words of one language around numbers.

    Attributes:
        decimal, point, minus, over, range: what `3,5`, `2.0`, `-3`, `1/3` and `3-5` are read with.
        group: the characters that set thousands apart.
        hours: one hour, and how others are counted; `minutes` follows it.
        date: how day, month and year are put together; `first_day` is the 1st.
        feminine: last words that change before a feminine noun.
        ordinal, ordinal_feminine: patterns of what follows the digits of a rank, maybe empty.
        units: by sign, one of it and many; of money also one and many of its hundredths.
        signs: single characters that are read.
        abbreviations: by what is written.
    """

    decimal: str
    point: str
    minus: str
    over: str
    range: str
    group: str
    hours: list[str]
    minutes: str
    date: str
    first_day: str
    months: list[str]
    feminine: dict[str, str]
    ordinal: str
    ordinal_feminine: str
    units: dict[str, list[str]]
    signs: dict[str, str]
    abbreviations: dict[str, str]


@cache
def readings_of(language: str) -> Readings:
    """The readings of a mapped language."""
    text = resources.files(__package__).joinpath(_FILE).read_text("utf-8")
    return Readings(**json.loads(text)[language])
