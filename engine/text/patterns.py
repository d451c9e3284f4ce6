"""Notation that looks alike in all languages: what the rules of each are made of."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

Reading = str | Callable[[re.Match[str]], str]
Rules = tuple[tuple[str, Reading], ...]

DATE = r"(?<![\d/-])(\d{4})[-/](0?[1-9]|1[0-2])[-/](0?[1-9]|[12]\d|3[01])(?![\d/-])"
CLOCK = r"(?<![\d:])([01]?\d|2[0-4]):([0-5]\d)(?::[0-5]\d)?(?![\d:])"
CLOCK_RANGE = r"(?<=:[0-5]\d) ?[~〜～–-] ?(?=(?:[01]?\d|2[0-4]):[0-5]\d(?![\d:]))"
RANGE = r"(?<![\d.~〜～-])(\d+(?:\.\d+)?) ?[~〜～–-] ?(\d+(?:\.\d+)?)(?![\d~〜～-])"
FRACTION = r"(?<![\d/.])(\d{1,3})/(\d{1,3})(?![\d/])"
SCORE = r"(?<![\d:])(\d{1,4}) ?: ?(\d{1,4})(?![\d:])"
DECIMAL = r"(?<![\d.])(\d+)\.(\d+)(?![\d.])"
DOTTED = r"(?<![\d.])\d+(?:\.\d+){2,8}(?![\d.])"
POWER = r"(?<=\d)\^(-?\d{1,9})"
MINUS = r"(?<![A-Za-z0-9.,%)-])[-−](?=\d)"

# Acronyms that are said as words, which capitals would have spelled.
_SAID_AS_WORDS = (
    "NASA NATO RAM ROM TODO UNESCO UNICEF OPEC FIFA NASDAQ COVID SARS AIDS ASCII JPEG LASER "
    "RADAR SCUBA GIF PIN SIM JSON YAML BIOS LAN WAN SWAT MIDI"
)
COMMON: Rules = (
    (
        rf"(?<![A-Za-z0-9-])({'|'.join(_SAID_AS_WORDS.split())})(?![A-Za-z0-9])",
        lambda match: match[1].lower(),
    ),
    (r"(?<![A-Za-z])C\+\+", "C plus plus"),
    (r"(?<![A-Za-z])([CF])#", r"\1 sharp"),
    (r"(?<=[A-Za-z]) ?& ?(?=[A-Za-z])", " and "),
    (r"(?<=[A-Za-z])\.(?=(?:js|io|py|ts)(?![A-Za-z.]))", " dot "),
    (r"(?<![A-Za-z])Wi-?Fi(?![A-Za-z])", "wifi"),
    (r"(?<=\d-\d\d)T(\d\d:\d\d)(:\d\d)?(?:\.\d{1,9})?(?:Z|[+-]\d\d:?\d\d)?(?![\d:])", r" \1\2"),
    (r"(?<=[\w.])\\+(?=\w)", " "),
    (r"(?<![\w.])\.(?=\d)", "0."),
)


def units_rule(names: str, gap: str = "") -> tuple[str, Reading]:
    """A rule that says units behind a number: `names` has sign and word in turn, `_` for spaces."""
    words = names.split()
    readings = dict(zip(words[::2], words[1::2], strict=True))
    longest_first = sorted(readings, key=len, reverse=True)
    return (
        rf"(?<=\d) ?({'|'.join(map(re.escape, longest_first))})(?![A-Za-z²³/0-9])",
        lambda match: gap + readings[match[1]].replace("_", " "),
    )


def money_rules(names: Mapping[str, str]) -> Rules:
    """The sign of a currency before its amount, as a word behind it, unless that stands there."""
    return tuple(
        (rf"{re.escape(sign)} ?(\d+(?:\.\d+)?)(?:{name})?", rf"\1{name}")
        for sign, name in names.items()
    )


def spelled(digits: str, names: str) -> str:
    """Digits by the ten `names` of them, which have spaces between them."""
    by_value = names.split()
    return "".join(by_value[int(char)] if char.isdecimal() else char for char in digits)
