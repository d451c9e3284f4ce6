"""Numbers, dates, times and amounts as words of a mapped language, named by num2words."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from typing import Any

from engine.errors import MissingDependencyError
from engine.text.mapped.languages import MAPPED_LANGUAGES
from engine.text.mapped.ranks import rank_rules
from engine.text.mapped.readings import readings_of

Reading = Callable[[re.Match[str]], str]

COMMA = "[,\u066b]"  # the second one stands for a comma between digits until sentences are cut
_COMMA_INSIDE = re.compile(r"(?<=\d),(?=\d)")
_LONGEST_NUMBER = 15
_LONGEST_FRACTION = 2
_SPELLED = 3  # digits
_TELEPHONE = (
    r"(?<![\w.,+-])(?:\+\d{1,3}[ -]\d{1,5}(?:[ -]\d{2,8}){1,4}|0\d{1,5}[ /-]\d{5,8}"
    r"|\d{2,3} \d{3}(?: \d{2}){2}|\d{5}-\d{4})(?![\w-])"
)
_GERMAN_HUNDREDS = range(1100, 2000)


def keep_decimal_commas(text: str) -> str:
    """`text` with its commas between digits safe from who takes them for English thousands."""
    return _COMMA_INSIDE.sub("\u066b", text)


class NumberReader:
    """Reads the numbers of one mapped language."""

    def __init__(self, language: str) -> None:
        self._language = language
        self._words = readings_of(language)
        self._rules = [(re.compile(pattern), reading) for pattern, reading in self._patterns()]

    def expand(self, text: str) -> str:
        """`text` with every number written out."""
        for pattern, reading in self._rules:
            text = pattern.sub(reading, text)
        return text

    def cardinal(self, digits: str) -> str:
        """The name of a number; zeros before it and numbers too long for a name are spelled."""
        value = digits.lstrip("0")
        if len(value) > _LONGEST_NUMBER:
            return " ".join(map(self.name, map(int, digits)))
        zeros = len(digits) - len(value) - (not value)
        return " ".join([self.name(0)] * zeros + [self.name(int(value or "0"))])

    def _patterns(self) -> tuple[tuple[str, Reading], ...]:
        """Patterns in the order in which they must apply, each with its reading."""
        words = self._words
        number = rf"\d+(?:{COMMA}\d+)?"
        units = sorted(words.units, key=len, reverse=True)
        money = "|".join(re.escape(unit) for unit in units if len(words.units[unit]) > 2)
        unit = "|".join(map(re.escape, units))
        months = "|".join(words.months)
        group = f"[{re.escape(words.group)}]"
        hour = r"[01]?\d|2[0-3]"
        day, month = r"0?[1-9]|[12]\d|3[01]", r"0?[1-9]|1[0-2]"
        return (
            *rank_rules(self._language, self),
            (_TELEPHONE, self._telephone),
            (
                rf"(?<=[:h][0-5]\d)\s?[–-]\s?(?=(?:{hour})[:h][0-5]\d)",
                lambda _: f" {words.range} ",
            ),
            (rf"(?<![\d.,])\d{{1,3}}(?:{group}\d{{3}})+(?![\d])(?!\.\d)", self._ungrouped),
            (rf"(?<!\d)(\d{{4}})-({month})-({day})(?!\d)", lambda m: self._date(m[3], m[2], m[1])),
            (
                rf"(?<!\d)({day})([./])({month})\2(\d{{4}}|\d{{2}})(?!\d)",
                lambda m: self._date(m[1], m[3], m[4]),
            ),
            (rf"(?<!\d)(\d{{1,2}})\.? (?=(?:{months})\b)", self._day_of_month),
            (rf"(?<!\d)({hour})(?::|\s?h\s?)([0-5]\d)(?:\s?(?:Uhr|h)\b)?(?!\d)", self._time),
            (rf"(?<!\d)({hour}|24)\s?(?:h|Uhr)\b", lambda m: self._hours(m[1])),
            (
                rf"(?<![\d–-])({number})[–-](?={number}(?![\d–-]))",
                lambda m: f"{m[1]} {words.range} ",
            ),
            (r"(?<![\w)])[-−](?=\d)", lambda _: f"{words.minus} "),
            (rf"({money})\s?({number})(?!\d)", lambda m: self._measure(m[2], m[1])),
            (rf"(?<!\d)({number})\s?({unit})(?![\w/])", lambda m: self._measure(m[1], m[2])),
            *self._ordinals(),
            (r"(?<=[^\W\d_])(?=\d)|(?<=\d)(?=[^\W\d_])", lambda _: " "),
            (r"(?<=\d)\s?/\s?(?=\d)", lambda _: f" {words.over} "),
            (r"(?<!\d)\d+(?:\.\d+)+", lambda m: f" {words.point} ".join(self._parts(m[0]))),
            (rf"(?<!\d)(\d+){COMMA}(\d+)(?!{COMMA}?\d)", lambda m: self._decimal(m[1], m[2])),
            (r"(?<=\d)\u066b(?=\d)", lambda _: ", "),
            (r"(?<!\d)\d{4}(?!\d)", lambda m: self.year(m[0])),
            (r"\d+", lambda m: self.cardinal(m[0])),
        )

    def _ordinals(self) -> tuple[tuple[str, Reading], ...]:
        words, shortest = self._words, r"(?<!\d)(\d{1,4})"
        rules: list[tuple[str, Reading]] = []
        if words.ordinal_feminine:
            pattern = rf"{shortest}(?:{words.ordinal_feminine})(?!\w)"
            rules.append((pattern, lambda m: self.rank(int(m[1]), feminine=True)))
        rules.append((rf"{shortest}(?:{words.ordinal})(?!\w)", lambda m: self.rank(int(m[1]))))
        return tuple(rules)

    def _telephone(self, match: re.Match[str]) -> str:
        """Short groups are named, long ones spelled."""
        groups = re.findall(r"\d+", match[0])
        spoken = [
            self.cardinal(group) if len(group) < _SPELLED else " ".join(map(self.cardinal, group))
            for group in groups
        ]
        plus = f"{self._words.signs['+']} " if match[0].startswith("+") else ""
        return plus + " ".join(spoken)

    def _ungrouped(self, match: re.Match[str]) -> str:
        return re.sub(r"\D", "", match[0])

    def _date(self, day: str, month: str, year: str) -> str:
        name = self._words.months[int(month) - 1]
        return self._words.date.format(day=self._day(day), month=name, year=self.year(year))

    def _day_of_month(self, match: re.Match[str]) -> str:
        return f"{self._day(match[1])} "

    def _day(self, digits: str) -> str:
        if int(digits) == 1:
            return self._words.first_day
        if self._language == "de":
            return self.rank(int(digits)) + "n"
        return self.name(int(digits))

    def _time(self, match: re.Match[str]) -> str:
        minutes = int(match[2])
        spoken = self._hours(match[1])
        return spoken + self._words.minutes.format(self.name(minutes)) if minutes else spoken

    def _hours(self, digits: str) -> str:
        one, many = self._words.hours
        return one if int(digits) == 1 else many.format(self._feminine(self.name(int(digits))))

    def _measure(self, number: str, unit: str) -> str:
        names = self._words.units[unit]
        whole, *rest = re.split(COMMA, number)
        if not rest or not rest[0].strip("0"):
            return self._counted(whole, names)
        if len(names) > 2 and len(rest[0]) <= 2:
            cents = self._counted(rest[0].ljust(2, "0").lstrip("0"), names[2:])
            return cents if not int(whole) else f"{self._counted(whole, names)} {cents}"
        return names[1].format(self._decimal(whole, rest[0]))

    def _counted(self, digits: str, names: list[str]) -> str:
        return names[0] if digits == "1" else names[1].format(self.cardinal(digits))

    def _parts(self, digits_and_points: str) -> list[str]:
        return [self.cardinal(part) for part in digits_and_points.split(".")]

    def _decimal(self, whole: str, fraction: str) -> str:
        spoken = self.cardinal(fraction)
        if self._language == "de" or len(fraction.lstrip("0")) > _LONGEST_FRACTION:
            spoken = " ".join(self.name(int(digit)) for digit in fraction)
        return f"{self.cardinal(whole)} {self._words.decimal} {spoken}"

    def year(self, digits: str) -> str:
        """The name of a year, such as `neunzehnhundertneunzig`."""
        if self._language == "de" and int(digits) in _GERMAN_HUNDREDS:
            return str(_num2words()(int(digits), lang="de", to="year"))
        return self.cardinal(digits)

    def rank(self, value: int, *, feminine: bool = False) -> str:
        """The name of a rank, such as `third`."""
        name = self.name(value, to="ordinal")
        if not feminine:
            return name
        return self._feminine(name) if self._language == "fr" else re.sub(r"o\b", "a", name)

    def _feminine(self, words: str) -> str:
        *before, last = words.split(" ")
        return " ".join([*before, self._words.feminine.get(last, last)])

    def name(self, value: int, *, to: str = "cardinal") -> str:
        """The name of a number, or what else num2words makes of it."""
        language = MAPPED_LANGUAGES[self._language].number_language
        return str(_num2words()(value, lang=language, to=to)).replace(",", "")


@cache
def _num2words() -> Any:
    try:
        from num2words import num2words
    except ImportError as error:
        raise MissingDependencyError(
            "num2words (needed to read numbers of French, German, Spanish, Italian, Portuguese)",
            "pip install num2words",
        ) from error
    return num2words
