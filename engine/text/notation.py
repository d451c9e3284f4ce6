"""Dates, times, amounts, units and abbreviations in words, before a text is cut into pieces.

The front ends read numbers; here is what they would not see whole: a unit in Latin letters ends a
Chinese span, and the dot of an abbreviation ends a sentence. Only what is written in digits and
signs is touched, in the text's own language; where that is not known, nothing but names of
programming languages.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import cache

Reading = str | Callable[[re.Match[str]], str]
Rules = tuple[tuple[str, Reading], ...]

_MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September",
    "October", "November", "December",
)  # fmt: skip
_DECADES = (
    "twenties", "thirties", "forties", "fifties", "sixties", "seventies", "eighties", "nineties",
)  # fmt: skip
_DATE = r"(?<![\d/-])(\d{4})[-/](0?[1-9]|1[0-2])[-/](0?[1-9]|[12]\d|3[01])(?![\d/-])"
_US_DATE = r"(?<![\d/-])(0?[1-9]|1[0-2])/(0?[1-9]|[12]\d|3[01])/(\d{4})(?![\d/-])"
_CLOCK = r"(?<![\d:])([01]?\d|2[0-4]):([0-5]\d)(?::[0-5]\d)?(?![\d:])"
_RANGE = r"(?<![\d.~〜～-])(\d+(?:\.\d+)?) ?[~〜～-] ?(\d+(?:\.\d+)?)(?![\d~〜～-])"
_FRACTION = r"(?<![\d/.])(\d{1,3})/(\d{1,3})(?![\d/])"

_UNITS = {
    "zh": """kg 千克 km/h 公里每小时 km 公里 cm 厘米 mm 毫米 ml 毫升 mL
        毫升 mg 毫克 g 克 m 米 L 升 ℃ 摄氏度 °C 摄氏度 ℉ 华氏度""",
    "ja": """kg キログラム km/h キロメートル毎時 km キロメートル cm センチメートル
        mm ミリメートル ml ミリリットル mL ミリリットル mg ミリグラム g グラム
        m メートル L リットル ℃ 度 °C 度 % パーセント KB キロバイト MB
        メガバイト GB ギガバイト TB テラバイト MHz メガヘルツ GHz ギガヘルツ""",
    "ko": """kg 킬로그램 km/h 킬로미터퍼아워 km 킬로미터 cm 센티미터 mm 밀리미터
        ml 밀리리터 mL 밀리리터 mg 밀리그램 g 그램 m 미터 L 리터 ℃ 도
        °C 도 % 퍼센트 KB 킬로바이트 MB 메가바이트 GB 기가바이트 TB
        테라바이트 MHz 메가헤르츠 GHz 기가헤르츠""",
    "en": """mph miles_per_hour KB kilobytes MB megabytes GB gigabytes TB
        terabytes kHz kilohertz MHz megahertz GHz gigahertz Hz hertz lb
        pounds lbs pounds oz ounces ℃ degrees_Celsius ℉
        degrees_Fahrenheit kWh kilowatt_hours kW kilowatts""",
}
_MONEY = {
    "zh": {"$": "美元", "￥": "元", "¥": "元", "€": "欧元", "£": "英镑"},
    "ja": {"$": "ドル", "￥": "円", "¥": "円", "€": "ユーロ", "£": "ポンド"},
    "ko": {"$": "달러", "₩": "원", "￥": "엔", "¥": "엔", "€": "유로", "£": "파운드"},
    "yue": {"$": "元", "￥": "元", "¥": "元", "€": "歐元", "£": "英鎊"},
}


def spell_out(text: str, language: str) -> str:
    """`text` with its notation in words of `language`; of an unknown one only the common part."""
    for pattern, reading in _rules(language):
        text = pattern.sub(reading, text)
    return text


@cache
def _rules(language: str) -> tuple[tuple[re.Pattern[str], Reading], ...]:
    rules: Rules = (*_COMMON, *_OWN.get(language, ()))
    if language in _MONEY:
        rules = (*rules, *_money(_MONEY[language]))
    units = _UNITS.get("zh" if language == "yue" else language, "").split()
    if units:
        rules = (*rules, _units(dict(zip(units[::2], units[1::2], strict=True)), language))
    return tuple((re.compile(pattern), reading) for pattern, reading in rules)


def _money(names: Mapping[str, str]) -> Rules:
    """The sign of a currency before its amount, as a word behind it, unless that stands there."""
    return tuple(
        (rf"{re.escape(sign)} ?(\d+(?:\.\d+)?)(?:{name})?", rf"\1{name}")
        for sign, name in names.items()
    )


def _units(names: Mapping[str, str], language: str) -> tuple[str, Reading]:
    longest_first = sorted(names, key=len, reverse=True)
    gap = " " if language == "en" else ""
    return (
        rf"(?<=\d) ?({'|'.join(map(re.escape, longest_first))})(?![A-Za-z²³/0-9])",
        lambda match: gap + names[match[1]].replace("_", " "),
    )


def _english_date(year: str, month: str, day: str) -> str:
    last = int(day) % 10 if int(day) not in (11, 12, 13) else 0
    ending = {1: "st", 2: "nd", 3: "rd"}.get(last, "th")
    return f"{_MONTHS[int(month) - 1]} {int(day)}{ending} {year}"


def _english_clock(match: re.Match[str]) -> str:
    hour, minute, half = match[1], match[2] or "00", match[3].upper()
    minutes = "" if minute == "00" else f" oh {int(minute)}" if minute[0] == "0" else f" {minute}"
    return f"{int(hour)}{minutes} {half} M"


def _decade(match: re.Match[str]) -> str:
    tens = int(match[2])
    return f"{match[1]} {'hundreds' if not tens else 'tens' if tens == 1 else _DECADES[tens - 2]}"


def _initials(match: re.Match[str]) -> str:
    at_end = not match.string[match.end() :].strip()
    return match[0].replace(".", "") + ("." if at_end else "")


_COMMON: Rules = (
    (r"(?<![A-Za-z])C\+\+", "C plus plus"),
    (r"(?<![A-Za-z])([CF])#", r"\1 sharp"),
    (r"(?<=[A-Za-z]) ?& ?(?=[A-Za-z])", " and "),
    (r"(?<=[A-Za-z])\.(?=(?:js|io|py|ts)(?![A-Za-z.]))", " dot "),
)
_ENGLISH: Rules = (
    (r"(?<![A-Za-z])(?:Mr)\.", "Mister"),
    (r"(?<![A-Za-z])(?:Mrs)\.", "Missus"),
    (r"(?<![A-Za-z])(?:Ms)\.", "Miz"),
    (r"(?<![A-Za-z])Dr\.(?= ?[A-Z])", "Doctor"),
    (r"(?<![A-Za-z])Prof\.(?= ?[A-Z])", "Professor"),
    (r"(?<![A-Za-z])St\.(?= [A-Z])", "Saint"),
    (r"(?<![A-Za-z])vs\.", "versus"),
    (r"(?<![A-Za-z])etc\.(?=,? [a-z])", "et cetera"),
    (r"(?<![A-Za-z])etc\.", "et cetera."),
    (r"(?<![A-Za-z])[Ee]\.g\.", "for example"),
    (r"(?<![A-Za-z])[Ii]\.e\.", "that is"),
    (r"(?<![A-Za-z])No\. ?(?=\d)", "number "),
    (r"(?<![\w&])#(?=\d)", "number "),
    (r"(?<![A-Za-z.])(?:[A-Z]\.){2,}", _initials),
    (_DATE, lambda match: _english_date(match[1], match[2], match[3])),
    (_US_DATE, lambda match: _english_date(match[3], match[1], match[2])),
    (r"(?<![\d:])(1[0-2]|0?[1-9])(?::([0-5]\d))? ?([AaPp])\.?[Mm](?![A-Za-z])\.?", _english_clock),
    (r"(?<!\d)(1\d|20)(\d)0s(?![A-Za-z])", _decade),
    (
        r"(?<![\w-])\+?(\d{1,4}(?:-\d{2,4}){2,4})(?![\w-])",
        lambda match: " ".join(match[1].replace("-", "")),
    ),
    (_RANGE, r"\1 to \2"),
)
_CHINESE: Rules = (
    (_DATE, r"\1年\2月\3日"),
    (r"(?<![\d-])(0\d{2,3})-(\d{7,8})(?!\d)", r"\1\2"),
)
_JAPANESE: Rules = (
    (_DATE, lambda match: f"{match[1]}年{int(match[2])}月{int(match[3])}日"),
    (_CLOCK, lambda match: f"{int(match[1])}時" + (f"{int(match[2])}分" if int(match[2]) else "")),
    (_FRACTION, r"\2分の\1"),
    (_RANGE, r"\1から\2"),
)
_KOREAN: Rules = (
    (_DATE, lambda match: f"{match[1]}년 {int(match[2])}월 {int(match[3])}일"),
    (_CLOCK, lambda match: f"{int(match[1])}시" + (f" {int(match[2])}분" if int(match[2]) else "")),
    (_FRACTION, r"\2분의 \1"),
    (_RANGE, r"\1에서 \2"),
)
_OWN: Mapping[str, Rules] = {
    "en": _ENGLISH, "zh": _CHINESE, "yue": _CHINESE, "ja": _JAPANESE, "ko": _KOREAN,
}  # fmt: skip
