"""English dates, times, units, amounts, signs and abbreviations in words."""

from __future__ import annotations

import re

from engine.text.patterns import DATE, MINUS, POWER, RANGE, Rules, units_rule
from engine.text.roman import roman

_MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September",
    "October", "November", "December",
)  # fmt: skip
_DECADES = (
    "twenties", "thirties", "forties", "fifties", "sixties", "seventies", "eighties", "nineties",
)  # fmt: skip
_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_SCALES = {
    "k": "thousand", "K": "thousand", "m": "million", "M": "million", "b": "billion",
    "B": "billion", "bn": "billion", "T": "trillion",
}  # fmt: skip
_CURRENCIES = {
    "US$": "US dollar", "HK$": "Hong Kong dollar", "NT$": "New Taiwan dollar",
    "A$": "Australian dollar", "C$": "Canadian dollar", "$": "dollar", "€": "euro",
    "£": "pound", "¥": "yen", "￥": "yen", "₹": "rupee", "₩": "won", "₽": "ruble",
}  # fmt: skip
_UNCOUNTED = ("yen", "won")
_RULERS = (
    "Louis Henry Charles George Edward Richard William James Elizabeth Philip Napoleon Frederick "
    "Pius Benedict Catherine Peter Alexander Nicholas Paul"
)
_NUMBERED = (
    "War Chapter Part Act Volume Vol Book Section Phase Stage Type Class Level Title Article "
    "Appendix Episode Season Bowl Rocky Mark Group Grade Scene Figure Table"
)
_UNITS = """km/h kilometers_per_hour mph miles_per_hour KB kilobytes MB megabytes
    GB gigabytes TB terabytes
    kHz kilohertz MHz megahertz GHz gigahertz Hz hertz lb pounds lbs pounds oz ounces
    ℃ degrees_Celsius ℉ degrees_Fahrenheit kWh kilowatt_hours kW kilowatts
    m² square_meters km² square_kilometers cm² square_centimeters
    ft² square_feet m³ cubic_meters cm³ cubic_centimeters KB/s kilobytes_per_second
    MB/s megabytes_per_second GB/s gigabytes_per_second kbps kilobits_per_second
    Mbps megabits_per_second Gbps gigabits_per_second m/s meters_per_second
    fps frames_per_second rpm R_P_M dB decibels px pixels mAh milliamp_hours
    nm nanometers μm micrometers μg micrograms μs microseconds kcal kilocalories Ω ohms kΩ kilohms
    MΩ megohms"""
_BYTES = {"K": "kilo", "M": "mega", "G": "giga", "T": "tera"}
_AMOUNT = r"(\d+(?:\.\d+)?)"
_SCALE = r"(?:(k|K|m|M|b|B|bn|T)(?![A-Za-z])| ?(thousand|million|billion|trillion)(?![a-z]))"


def _words(names: str) -> str:
    return "|".join(names.split())


def _date(year: str, month: str, day: str) -> str:
    last = int(day) % 10 if int(day) not in (11, 12, 13) else 0
    ending = {1: "st", 2: "nd", 3: "rd"}.get(last, "th")
    return f"{_MONTHS[int(month) - 1]} {int(day)}{ending} {year}"


def _clock(match: re.Match[str]) -> str:
    hour, minute, half = match[1], match[2] or "00", match[3].upper()
    minutes = "" if minute == "00" else f" oh {int(minute)}" if minute[0] == "0" else f" {minute}"
    return f"{int(hour)}{minutes} {half} M"


def _with_seconds(match: re.Match[str]) -> str:
    later = (f"oh {int(part)}" if part[0] == "0" else part for part in match.groups()[1:])
    return " ".join((str(int(match[1])), *later))


def _decade(match: re.Match[str]) -> str:
    tens = int(match[2])
    return f"{match[1]} {'hundreds' if not tens else 'tens' if tens == 1 else _DECADES[tens - 2]}"


def _initials(match: re.Match[str]) -> str:
    at_end = not match.string[match.end() :].strip()
    return match[0].replace(".", "") + ("." if at_end else "")


def _weekday(match: re.Match[str]) -> str:
    return next(day for day in _WEEKDAYS if day.startswith(match[1][:3]))


def _month(match: re.Match[str]) -> str:
    return next(month for month in _MONTHS if month.startswith(match[1][:3]))


def _scaled_money(match: re.Match[str]) -> str:
    scale = match[4] or _SCALES[match[3]]
    return f"{match[2]} {scale} {_plural(_CURRENCIES[match[1]])}"


def _named_money(match: re.Match[str]) -> str:
    unit = _CURRENCIES[match[1]]
    return f"{match[2]} {unit if match[2] == '1' else _plural(unit)}"


def _plural(unit: str) -> str:
    return unit if unit in _UNCOUNTED else unit + "s"


def _ratio(match: re.Match[str]) -> str:
    """`16:9` and `2:1`; what has two digits behind the colon is the time of day."""
    first, second = match[1], match[2]
    is_clock = len(second) == 2 and int(first) < 24 and int(second) < 60
    return match[0] if is_clock else f"{first} to {second}"


def _out_of(match: re.Match[str]) -> str:
    """`24/7` and `9/11` are no fractions."""
    first, second = int(match[1]), int(match[2])
    is_fraction = first < second and (first, second) != (9, 11)
    return match[0] if is_fraction else f"{match[1]} {match[2]}"


def _mixed(match: re.Match[str]) -> str:
    """`3 1/4`; the numerator of a fraction that is added is the smaller number."""
    whole, top, bottom = match.groups()
    if int(top) >= int(bottom):
        return match[0]
    share = {"1/2": "a half", "1/4": "a quarter"}.get(f"{top}/{bottom}", f"{top}/{bottom}")
    return f"{whole} and {share}"


def _book_number(match: re.Match[str]) -> str:
    return ", ".join(" ".join(group) for group in match[1].split("-"))


def _address(match: re.Match[str]) -> str:
    host = match[1].replace(".", " dot ")
    return f"{host} port {match[2]}" if match[2] else host


def _ruler(match: re.Match[str]) -> str:
    return f"{match[1]} the {_with_ending(roman(match[2]))}"


def _with_ending(value: int) -> str:
    last = value % 10 if value not in (11, 12, 13) else 0
    return f"{value}{ {1: 'st', 2: 'nd', 3: 'rd'}.get(last, 'th') }"


_SIGNS: Rules = (
    (r"(?<=[A-Z]\)) ?& ?(?=\w)|(?<=\w) ?& ?(?=\w)", " and "),
    (r" ?± ?(?=\d)", " plus or minus "),
    (r"~ ?(?=\d)", "about "),
    (r" ?[≈] ?", " is about "),
    (r" ?≥ ?", " at least "),
    (r" ?≤ ?", " at most "),
    (r" ?(?:→|⇒|->|=>) ?", " to "),
    (r"(?<=\d) ?[x×] ?(?=\d)", " times "),
    (r"(?<=\d) ?÷ ?(?=\d)", " divided by "),
    (r"(?<=[\w)]) ?= ?(?=[\w(-])", " equals "),
    (r"(?<=\w) ?\+ ?(?=\d)", " plus "),
    (r"(?<=\w) \+ (?=\w)", " plus "),
    (r"(?<![\w+])\+(?=\d)", "plus "),
    (r"(?<=\d)\+(?![\w+])", " plus"),
    (POWER, r" to the power of \1"),
    (r"(?<=[\w)])²", " squared"),
    (r"(?<=[\w)])³", " cubed"),
    (r"(?<=\d) ?°(?! ?[CF])", " degrees"),
    (r"(?<=\d) ?½", " and a half"),
    (r"(?<=\d) ?¼", " and a quarter"),
    (r"(?<=\d) ?¾", " and three quarters"),
    (r"½", " one half"),
    (r"¼", " one quarter"),
    (r"¾", " three quarters"),
    (r" ?≠ ?", " is not equal to "),
    (r"√ ?(?=\w)", "square root of "),
    (r"(?<![\w+])([A-Za-z]) ?\+ ?(?=[A-Za-z](?![A-Za-z]))", r"\1 plus "),
    (r"(?<=\s)@(?=\s)", "at"),
    (r"(?<![A-Za-z])w/o(?![A-Za-z])", "without"),
    (r"(?<![A-Za-z])w/ ?(?=[a-z])", "with "),
    (r"(?<=[A-Za-z.])/(?=[A-Za-z])|(?<!\S)/(?=[A-Za-z])", " "),
)
_ABBREVIATIONS: Rules = (
    (r"(?<![A-Za-z])(?:Mr)\.", "Mister"),
    (r"(?<![A-Za-z])(?:Mrs)\.", "Missus"),
    (r"(?<![A-Za-z])(?:Ms)\.", "Miz"),
    (r"(?<![A-Za-z])Dr\.(?= ?[A-Z])", "Doctor"),
    (r"(?<![A-Za-z])Prof\.(?= ?[A-Z])", "Professor"),
    (r"(?<![A-Za-z])Gen\.(?= ?[A-Z])", "General"),
    (r"(?<![A-Za-z])Capt\.(?= ?[A-Z])", "Captain"),
    (r"(?<![A-Za-z])Sgt\.(?= ?[A-Z])", "Sergeant"),
    (r"(?<![A-Za-z])Sen\.(?= ?[A-Z])", "Senator"),
    (r"(?<![A-Za-z])Gov\.(?= ?[A-Z])", "Governor"),
    (r"(?<=[a-z] )St\.(?=,|\s*$)", "Street"),
    (r"(?<![A-Za-z])[Ii]ncl\.(?= )", "including"),
    (r"(?<![A-Za-z])[Ee]xcl\.(?= )", "excluding"),
    (r"(?<![A-Za-z])St\.(?= [A-Z])", "Saint"),
    (r"(?<![A-Za-z])Mt\.(?= [A-Z])", "Mount"),
    (r"(?<=[A-Za-z] )Ave\.(?=[ ,])", "Avenue"),
    (r"(?<=[A-Za-z] )Blvd\.(?=[ ,])", "Boulevard"),
    (r"(?<![A-Za-z])Apt\.(?= ?[#\d])", "Apartment"),
    (r"(?<![A-Za-z])Jr\.(?=,? [a-z])", "Junior"),
    (r"(?<![A-Za-z])Inc\.(?=,? [a-z])", "Incorporated"),
    (r"(?<![A-Za-z])Ltd\.(?=,? [a-z])", "Limited"),
    (r"(?<![A-Za-z])Corp\.(?=,? [a-z])", "Corporation"),
    (r"(?<![A-Za-z])[Dd]ept\.(?= )", "department"),
    (r"(?<![A-Za-z])[Aa]pprox\.(?= )", "approximately"),
    (r"(?<![A-Za-z])Fig\.(?= ?\d)", "Figure"),
    (r"(?<![A-Za-z])Vol\.(?= ?\d)", "Volume"),
    (r"(?<![A-Za-z])p\.(?= ?\d)", "page"),
    (r"(?<![A-Za-z])pp\.(?= ?\d)", "pages"),
    (r"(?<![A-Za-z])vs\.", "versus"),
    (r"(?<![A-Za-z])etc\.(?=,? [a-z])", "et cetera"),
    (r"(?<![A-Za-z])etc\.", "et cetera."),
    (r"(?<![A-Za-z])[Ee]\.g\.", "for example"),
    (r"(?<![A-Za-z])[Ii]\.e\.", "that is"),
    (r"(?<![A-Za-z])No\. ?(?=\d)|№ ?", "number "),
    (r"(?<![\w&])#(?=\d)", "number "),
    (r"(?<=[A-Za-z])'d've(?![a-z])", "'d have"),
    (r"(?<![A-Za-z.])(?:[A-Z]\.){2,}", _initials),
    (rf"(?<![\w-])({_words(_RULERS)}) ([IVX]{{1,5}})(?![\w'])", _ruler),
    (
        rf"(?<=[a-z] )({_words(_NUMBERED)}) ([IVXLC]{{1,6}})(?![\w'])"
        rf"|(?<![\w-])({_words(_NUMBERED)}) ([IVXLC]{{1,6}})(?![\w'])",
        lambda match: f"{match[1] or match[3]} {roman(match[2] or match[4])}",
    ),
)
_TIMES: Rules = (
    (DATE, lambda match: _date(match[1], match[2], match[3])),
    (
        r"(?<![\d/-])(0?[1-9]|1[0-2])/(0?[1-9]|[12]\d|3[01])/(\d{4})(?![\d/-])",
        lambda match: _date(match[3], match[1], match[2]),
    ),
    (r"(?<![A-Za-z])(Mon|Tues?|Wed|Thu(?:rs?)?|Fri)(?:\.(?= [a-z\d]|,)|(?![A-Za-z]))", _weekday),
    (
        r"(?<![A-Za-z])(Sat|Sun)(?=[–-](?:Mon|Tue|Wed|Thu|Fri|Sat|Sun))"
        r"|(?<=day[–-])(?:Sat|Sun)(?![a-z])",
        lambda match: "Saturday" if match[0] == "Sat" else "Sunday",
    ),
    (r"(?<=day)[–-](?=[MTWFS][a-z]+day)", " to "),
    (r"(?<![A-Za-z])(Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept?|Oct|Nov|Dec)\.?(?= \d)", _month),
    (r"(?<![\d:])(\d{1,2}):([0-5]\d):([0-5]\d)(?![\d:])", _with_seconds),
    (r"(?<![\d:])(1[0-2]|0?[1-9])(?::([0-5]\d))? ?([AaPp])\.?[Mm](?![A-Za-z])\.?", _clock),
    (r"(?<![A-Za-z0-9.])([ap])\.m\.", lambda match: f"{match[1].upper()} M"),
    (r"(?<= M) ?[-–] ?(?=\d)|(?<=[\dhdt])–(?=\d)|(?<=:\d\d)-(?=\d{1,2}:)", " to "),
    (r"(?<=[a-z])–(?=[A-Z])", " to "),
    (r"(?<!\d)(1\d|20)(\d)0s(?![A-Za-z])", _decade),
    (r"(?<![\w'])'?([2-9])0s(?![A-Za-z])", lambda match: _DECADES[int(match[1]) - 2]),
)
_AMOUNTS: Rules = (
    (
        r"(?<![\w-])(?:\+?\d{1,3}[ -])?\((\d{2,4})\) ?(\d{3,4})-(\d{4})(?![\w-])",
        lambda match: ", ".join(map(" ".join, match.groups())),
    ),
    (
        r"(?<![\w-])\+?(\d{1,4}(?:-\d{2,4}){2,4})(?![\w-])",
        lambda match: " ".join(match[1].replace("-", "")),
    ),
    (r"(?<![\d.])(\d{1,3}(?:\.\d{1,3}){3})(?::(\d{1,5}))?(?![\d.])", _address),
    (r"(?<![\d:.])(\d{1,4}):(\d{1,4})(?![\d:])", _ratio),
    (rf"({_words('US\\$ HK\\$ NT\\$ A\\$ C\\$')}|[$€£¥￥₹₩₽]) ?{_AMOUNT}{_SCALE}", _scaled_money),
    (rf"(US\$|HK\$|NT\$|A\$|C\$|[¥￥₹₩₽]) ?{_AMOUNT}(?![\d.])", _named_money),
    (r"(?<![\d.])(\d+\.\d+)M(?![A-Za-z])", r"\1 million"),
    (r"(?<=[Nn] )((?:97[89]-)?\d{1,5}(?:-\d{1,7}){2}-[\dX])(?![\w-])", _book_number),
    (r"(?<![\d.-])(\d+) ?[¢￠]", lambda match: f"{match[1]} cent{'s' * (match[1] != '1')}"),
    (r"(?<![\d/.])(\d{1,4})[ -](\d{1,2})/(\d{1,2})(?![\d/])", _mixed),
    (r"(?<=\d) ?ft\.? (\d+(?:\.\d+)?) ?in(?:\.|(?![A-Za-z]))", r" feet \1 inches"),
    (RANGE, r"\1 to \2"),
    (MINUS, "minus "),
    (r"(?<![\d/.])(\d{1,4})/(\d{1,4})(?![\d/.])", _out_of),
    (r"(?<![\w.,:/-])(0\d{1,8})(?![\w,:/]|\.\d|-\d)", lambda match: " ".join(match[1])),
    (r"(?<![\w.,:/-])(\d{16,})(?![\w,:/]|\.\d|-\d)", lambda match: " ".join(match[1])),
    (r"(?<![\d.,])1 ?([KMGT])B(?![A-Za-z/])", lambda match: f"1 {_BYTES[match[1]]}byte"),
    units_rule(_UNITS, " "),
)
ENGLISH: Rules = (*_ABBREVIATIONS, *_TIMES, *_AMOUNTS, *_SIGNS)
