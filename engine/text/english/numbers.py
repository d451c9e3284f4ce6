"""English numbers, amounts, times and fractions as words."""

from __future__ import annotations

import re
from functools import cache, partial

_ONES = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten",
    "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen",
    "nineteen",
)  # fmt: skip
_TENS = ("", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_THOUSANDS = (
    "", "thousand", "million", "billion", "trillion", "quadrillion", "quintillion", "sextillion",
    "septillion", "octillion", "nonillion", "decillion",
)  # fmt: skip
_ORDINALS = {
    "one": "first", "two": "second", "three": "third", "five": "fifth", "eight": "eighth",
    "nine": "ninth", "twelve": "twelfth",
}  # fmt: skip

_UNITS = {
    "m": ("meter", "meters"),
    "km": ("kilometer", "kilometers"),
    "km/h": ("kilometer per hour", "kilometers per hour"),
    "cm": ("centimeter", "centimeters"),
    "mm": ("millimeter", "millimeters"),
    "kg": ("kilogram", "kilograms"),
    "g": ("gram", "grams"),
    "mg": ("milligram", "milligrams"),
    "ft": ("foot", "feet"),
    "L": ("liter", "liters"),
    "ml": ("milliliter", "milliliters"),
    "tbsp": ("tablespoon", "tablespoons"),
    "tsp": ("teaspoon", "teaspoons"),
    "h": ("hour", "hours"),
    "min": ("minute", "minutes"),
    "s": ("second", "seconds"),
    "ms": ("millisecond", "milliseconds"),
    "°C": ("degree celsius", "degrees celsius"),
    "°F": ("degree fahrenheit", "degrees fahrenheit"),
}
_UNIT = "|".join(re.escape(unit) for unit in sorted(_UNITS, key=len, reverse=True))
_AMOUNT = r"(?<![0-9.,])[0-9](?:[0-9,]*[0-9])?(?:\.[0-9]+)?"


def expand_numbers(text: str) -> str:
    """`text` with every number written out as English words."""
    for pattern, replacement in _rules():
        text = pattern.sub(replacement, text)
    return text


@cache
def _rules() -> tuple[tuple[re.Pattern[str], partial[str]], ...]:
    """The rules in the order in which they must apply, each a pattern and its reading."""
    rules = (
        (r"\b([0-9]{1,15})\. (?=\D)", _list_ordinal),
        (r"(?<=[0-9])\s+([-+*×/÷=])\s+(?=[0-9])", _operator),
        (r"(?<![\w.,])-(?=[0-9])", _minus),
        (r"[0-9][0-9,]+[0-9]", _without_commas),
        (r"\b([01]?[0-9]|2[0-3]):([0-5][0-9])\b", _time),
        (rf"\b({_AMOUNT})\s?({_UNIT})(?![\w°])", _measure),
        (rf"£\s?({_AMOUNT})|({_AMOUNT})\s?£", partial(_money, "pound", "penny", "pence")),
        (rf"\$\s?({_AMOUNT})|({_AMOUNT})\s?\$", partial(_money, "dollar", "cent", "cents")),
        (rf"€\s?({_AMOUNT})|({_AMOUNT})\s?€", partial(_money, "euro", "cent", "cents")),
        (r"(?<![0-9])[0-9]+(?:\.[0-9]+){2,}", _version),
        (r"(?<![0-9])([0-9]+)\.([0-9]+)", _decimal),
        (r"([0-9]{1,36})/([0-9]{1,36})", _fraction),
        (r"([0-9]{1,36})(?:st|nd|rd|th)\b", _ordinal),
        (r"[0-9]+", _integer),
    )
    return tuple((re.compile(pattern), partial(reading)) for pattern, reading in rules)


def number_words(digits: str) -> str:
    """The cardinal of a string of digits; runs too long for a name are read digit by digit."""
    if len(digits) > 3 * len(_THOUSANDS):
        return _spell(digits)
    padded = digits.zfill(-len(digits) % 3 + len(digits))
    groups = [int(padded[start : start + 3]) for start in range(0, len(padded), 3)]
    names = _THOUSANDS[len(groups) - 1 :: -1]
    spoken = [
        f"{_hundreds(group)} {name}".strip()
        for group, name in zip(groups, names, strict=True)
        if group
    ]
    if len(spoken) > 1 and 0 < groups[-1] < 100:
        spoken[-2:] = [" ".join(spoken[-2:])]
    return ", ".join(spoken) or "zero"


def _hundreds(value: int) -> str:
    """A number from 1 to 999."""
    hundreds, rest = divmod(value, 100)
    words = [f"{_ONES[hundreds]} hundred"] if hundreds else []
    if rest >= 20:
        ones = f"-{_ONES[rest % 10]}" if rest % 10 else ""
        words.append(_TENS[rest // 10] + ones)
    elif rest:
        words.append(_ONES[rest])
    return " ".join(words)


def _spell(digits: str) -> str:
    return " ".join(_ONES[int(digit)] for digit in digits)


def _list_ordinal(match: re.Match[str]) -> str:
    return _ordinal_words(match[1]) + ", "


def _operator(match: re.Match[str]) -> str:
    times, over = " times ", " divided by "
    names = {"-": " minus ", "+": " plus ", "*": times, "×": times, "/": over, "÷": over}
    return names.get(match[1], " equals ")


def _minus(_: re.Match[str]) -> str:
    return "minus "


def _without_commas(match: re.Match[str]) -> str:
    return match[0].replace(",", "")


def _time(match: re.Match[str]) -> str:
    hour, minute = int(match[1]), int(match[2])
    period = "a.m." if hour < 12 else "p.m."
    hour_words = number_words(str(hour - 12 if hour > 12 else hour))
    minute_words = number_words(str(minute)) if minute else "o'clock"
    return f"{hour_words} {minute_words} {period}"


def _measure(match: re.Match[str]) -> str:
    singular, plural = _UNITS[match[2]]
    return f"{match[1]} {singular if match[1] == '1' else plural}"


def _money(unit: str, small: str, smalls: str, match: re.Match[str]) -> str:
    whole, _, rest = (match[1] or match[2]).partition(".")
    main = f"{number_words(whole)} {unit if whole == '1' else unit + 's'}"
    if len(rest) not in (1, 2) or not int(rest):
        return main if not rest.strip("0") else f"{whole}.{rest} {unit}s"
    cents = int(rest.ljust(2, "0"))
    minor = f"{number_words(str(cents))} {small if cents == 1 else smalls}"
    return minor if whole == "0" else f"{main} and {minor}"


def _version(match: re.Match[str]) -> str:
    return " point ".join(map(number_words, match[0].split(".")))


def _decimal(match: re.Match[str]) -> str:
    return f"{number_words(match[1])} point {_spell(match[2])}"


def _fraction(match: re.Match[str]) -> str:
    top, bottom = number_words(match[1]), match[2]
    one = match[1] == "1"
    if bottom == "2":
        return f"{top} {'half' if one else 'halves'}"
    if bottom == "4":
        return f"{top} {'quarter' if one else 'quarters'}"
    return f"{top} {_ordinal_words(bottom)}{'' if one else 's'}"


def _ordinal(match: re.Match[str]) -> str:
    return _ordinal_words(match[1])


def _ordinal_words(digits: str) -> str:
    words = number_words(digits)
    start = max(words.rfind(" "), words.rfind("-")) + 1
    last = words[start:]
    ordinal = _ORDINALS.get(last) or (last[:-1] + "ie" if last.endswith("y") else last) + "th"
    return words[:start] + ordinal


def _integer(match: re.Match[str]) -> str:
    digits = match[0]
    value = int(digits) if len(digits) <= 4 else 0
    if not 1000 < value < 3000 or value == 2000:
        return number_words(digits)
    if 2000 < value < 2010:
        return f"two thousand {number_words(str(value % 100))}"
    if value % 100 == 0:
        return f"{number_words(str(value // 100))} hundred"
    century, year = divmod(value, 100)
    return f"{_hundreds(century)} {'oh ' if year < 10 else ''}{_hundreds(year)}"
