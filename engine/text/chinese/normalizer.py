"""Chinese text made speakable: numbers, dates and units in characters, other signs dropped.

The rules and their order are those that released models were trained behind; the order matters,
because a later rule sees what an earlier one left.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache

from engine.text.chinese.libraries import simplified
from engine.text.chinese.numbers import cardinal, digits, number
from engine.text.marks import STAND_INS

Reading = Callable[[re.Match[str]], str]

_DROPPED_FIRST = re.compile(r"[—《》【】<>{}()（）#&@“”^_|\\ ]")
_CLAUSE = re.compile(r"[^：、，；。？！,;?!]*(?:[：、，；。？！,;?!][”’]?|$)")
_FULL_TO_HALF = {code: code - 0xFEE0 for code in range(0xFF10, 0xFF5B) if chr(code).isalnum()}
_MARKS: dict[str, str | int | None] = {
    "：": ",", "；": ",", "，": ",", "。": ".", "！": "!", "？": "?", "\n": ".", "·": ",",
    "、": ",", "$": ".", "/": ",", "~": "…", "～": "…", "嗯": "恩", "呣": "母",
}  # fmt: skip
_NOT_SPOKEN = re.compile(rf"[^\u4e00-\u9fa5!?…,.\-{STAND_INS}]+")
_REPEATED_MARKS = re.compile(r"([!?…,.\-])[!?…,.\-]+")

_UNITS = (
    ("cm2", "平方厘米"), ("cm²", "平方厘米"), ("cm3", "立方厘米"), ("cm³", "立方厘米"),
    ("cm", "厘米"), ("db", "分贝"), ("ds", "毫秒"), ("kg", "千克"), ("km", "千米"),
    ("m2", "平方米"), ("m²", "平方米"), ("m³", "立方米"), ("m3", "立方米"), ("ml", "毫升"),
    ("m", "米"), ("mm", "毫米"), ("s", "秒"),
)  # fmt: skip
_UNIT = "|".join(["%", "°C", "℃", "度", "摄氏度", *(unit for unit, _ in _UNITS)])
_MEASURE_WORDS = (
    "处台架枚趟幅平方堵间床株批项例列篇栋注亩封艘把目套段人所朵匹张座回场尾条个首阙阵网炮顶丘棵只"
    "支袭辆挑担颗壳窠曲墙群腔砣客贯扎捆刀令打手罗坡山岭江溪钟队单双对出口头脚板跳枝件贴针线管名位"
    "身堂课本页家户层丝毫厘分钱两斤铢石钧锱忽寸尺丈里寻常铺程米撮勺合升斗盘碗碟叠桶笼盆盒杯斛锅簋"
    "篮罐瓶壶卮盏箩箱煲啖袋钵年月日季刻时周天秒旬纪岁世更夜春夏秋冬代伏辈丸泡粒幢堆根道面片块元亿"
    "万千百吨角毛"
)
_OPERATORS = {"+": "加", "-": "减", "×": "乘", "÷": "除", "=": "等于"}
_EXPONENTS = dict(zip("⁰¹²³⁴⁵⁶⁷⁸⁹ˣʸⁿ", "0123456789xyn", strict=True))
_SIGNS: dict[str, str | int | None] = {
    **dict(zip("①②③④⑤⑥⑦⑧⑨⑩", "一二三四五六七八九十", strict=True)),
    "/": "每", "+": "加", "-": "减", "×": "乘", "÷": "除", "=": "等",
    "α": "阿尔法", "β": "贝塔", "γ": "伽玛", "Γ": "伽玛", "δ": "德尔塔", "Δ": "德尔塔",
    "ε": "艾普西龙", "ζ": "捷塔", "η": "依塔", "θ": "西塔", "Θ": "西塔", "ι": "艾欧塔",
    "κ": "喀帕", "λ": "拉姆达", "Λ": "拉姆达", "μ": "缪", "ν": "拗", "ξ": "克西", "Ξ": "克西",
    "ο": "欧米克伦", "π": "派", "Π": "派", "ρ": "肉", "ς": "西格玛", "Σ": "西格玛",
    "σ": "西格玛", "τ": "套", "υ": "宇普西龙", "φ": "服艾", "Φ": "服艾", "χ": "器",
    "ψ": "普赛", "Ψ": "普赛", "ω": "欧米伽", "Ω": "欧米伽",
}  # fmt: skip


def normalize(text: str) -> str:
    """`text` in Chinese characters U+4E00 to U+9FA5 and the marks `!?…,.-` alone."""
    return _REPEATED_MARKS.sub(r"\1", keep_characters(normalize_clauses(text)))


def normalize_clauses(text: str) -> str:
    """`text` with the numbers and signs of each clause in characters."""
    clauses = _CLAUSE.findall(_DROPPED_FIRST.sub("", text))
    return "".join(_normalize_clause(clause.strip()) for clause in clauses)


def _normalize_clause(clause: str) -> str:
    """One clause with its numbers and signs in characters, its punctuation as it was."""
    clause = simplified(clause).translate(_FULL_TO_HALF)
    for pattern, reading in _rules():
        clause = pattern.sub(reading, clause)
    return clause.translate(str.maketrans(_SIGNS))


def keep_characters(text: str) -> str:
    """`text` with Chinese punctuation as ASCII marks and everything unspoken removed."""
    text = text.replace("...", "…").translate(str.maketrans(_MARKS))
    return _NOT_SPOKEN.sub("", text)


@cache
def _rules() -> tuple[tuple[re.Pattern[str], Reading], ...]:
    value = r"(?<!\d)\d+(?:\.\d+)?"  # from the start of a run, for linear time
    clock = r"([01]?[0-9]|2[0-3]):([0-5][0-9])(?::([0-5][0-9]))?"
    powers = "[" + "".join(_EXPONENTS) + "]"
    rules: tuple[tuple[str, Reading], ...] = (
        (
            r"(\d{4}|\d{2})年(?:(0?[1-9]|1[0-2])月)?(?:(0?[1-9]|[12][0-9]|30|31)([日号]))?",
            _date,
        ),
        (r"(\d{4})([- /.])(0[1-9]|1[012])\2(0[1-9]|[12][0-9]|3[01])", _numeric_date),
        (rf"{clock}[~-]{clock}", _time_range),
        (clock, _time),
        (rf"(-?{value}(?:{_UNIT}))~(-?{value}(?:{_UNIT}))", _from_to),
        (rf"(-?)({value})(°C|℃|摄氏度|度)", _temperature),
        ("|".join(unit for unit, _ in _UNITS), _unit),
        (r"(?<=[\d.⁰¹²³⁴⁵⁶⁷⁸⁹ˣʸⁿ])([+\-×÷=])(?=-?\.?\d)", _operator),
        (rf"{powers}+", _power),
        (r"(-?)(?<!\d)(\d+)/(\d+)", _fraction),
        (rf"(-?)({value})%", _percentage),
        (r"(?<!\d)(?:\+?86 ?)?1(?:[38]\d|5[0-35-9]|7[678]|9[89])\d{8}(?!\d)", _telephone),
        (r"(?<!\d)(?:0(?:10|2[1-3]|[3-9]\d{2})-?)?[1-9]\d{6,7}(?!\d)", _telephone),
        (r"400-?\d{3}-?\d{4}", _telephone),
        (rf"(?<![\d+\-×÷=])(-?{value})[-~](-?{value})(?![\d+\-×÷=])", _range),
        (r"-(\d+)", lambda match: "负" + cardinal(match[1])),
        (r"(?<!\d)\d+(?:\.\d+){2,}", lambda match: "点".join(map(digits, match[0].split(".")))),
        (r"-?(?<!\d)\d+\.\d+|\.\d+", _signed),
        (
            rf"(?<!\d)(\d+)([多余几+]?)(?=[{_MEASURE_WORDS}]|微[克米]|公分|小时|美元|十?吨)",
            _counted,
        ),
        (r"\d{3,}", lambda match: digits(match[0], telephone=True)),
        (rf"-?{value}|\.\d+", _signed),
    )
    return tuple((re.compile(pattern), reading) for pattern, reading in rules)


def _date(match: re.Match[str]) -> str:
    year, month, day, word = match.groups()
    spoken = digits(year) + "年"
    spoken += cardinal(month) + "月" if month else ""
    return spoken + (cardinal(day) + word if day else "")


def _numeric_date(match: re.Match[str]) -> str:
    return f"{digits(match[1])}年{cardinal(match[3])}月{cardinal(match[4])}日"


def _time(match: re.Match[str]) -> str:
    return _clock(match[1], match[2], match[3])


def _time_range(match: re.Match[str]) -> str:
    return f"{_clock(match[1], match[2], match[3])}至{_clock(match[4], match[5], match[6])}"


def _clock(hour: str, minute: str, second: str | None) -> str:
    spoken = number(hour) + "点"
    if minute == "30":
        spoken += "半"
    elif minute != "00":
        spoken += _two_digits(minute) + "分"
    return spoken + (_two_digits(second) + "秒" if second and second != "00" else "")


def _two_digits(text: str) -> str:
    return ("零" if text.startswith("0") else "") + number(text.lstrip("0"))


def _from_to(match: re.Match[str]) -> str:
    return f"{match[1]}至{match[2]}"


def _temperature(match: re.Match[str]) -> str:
    unit = "摄氏度" if match[3] == "摄氏度" else "度"
    return ("零下" if match[1] else "") + number(match[2]) + unit


def _unit(match: re.Match[str]) -> str:
    return dict(_UNITS)[match[0]]


def _operator(match: re.Match[str]) -> str:
    return _OPERATORS[match[1]]


def _power(match: re.Match[str]) -> str:
    return "的" + "".join(_EXPONENTS[char] for char in match[0]) + "次方"


def _fraction(match: re.Match[str]) -> str:
    return f"{_sign(match[1])}{number(match[3])}分之{number(match[2])}"


def _percentage(match: re.Match[str]) -> str:
    return f"{_sign(match[1])}百分之{number(match[2])}"


def _telephone(match: re.Match[str]) -> str:
    parts = match[0].strip("+").replace("-", " ").split()
    return "，".join(digits(part, telephone=True) for part in parts)


def _range(match: re.Match[str]) -> str:
    return f"{_signed_number(match[1])}到{_signed_number(match[2])}"


def _signed(match: re.Match[str]) -> str:
    return _signed_number(match[0])


def _signed_number(text: str) -> str:
    return _sign("-" if text.startswith("-") else "") + number(text.lstrip("-"))


def _sign(mark: str) -> str:
    return "负" if mark else ""


def _counted(match: re.Match[str]) -> str:
    return number(match[1]) + match[2].replace("+", "多")
