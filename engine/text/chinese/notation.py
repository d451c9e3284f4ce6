"""Chinese dates, telephone numbers, units, amounts and signs in characters.

The front end spells a number of three digits and more unless a measure word follows, as released
models were trained; here those that are amounts get their names.
"""

from __future__ import annotations

import re

from engine.text.chinese.numbers import digits, number
from engine.text.patterns import (
    DATE,
    DOTTED,
    POWER,
    Rules,
    money_rules,
    units_rule,
)

_UNITS = """kg 千克 km/h 公里每小时 km 公里 cm 厘米 mm 毫米 ml 毫升 mL 毫升 mg 毫克 g 克 m 米
    L 升 ℃ 摄氏度 °C 摄氏度 ℉ 华氏度 °F 华氏度 m² 平方米 km² 平方公里 cm² 平方厘米
    m³ 立方米 cm³ 立方厘米 m/s 米每秒 Hz 赫兹 kHz 千赫兹 MHz 兆赫兹 GHz 吉赫兹
    kW 千瓦 kWh 千瓦时 mAh 毫安时 dB 分贝 MB/s 兆字节每秒 GB/s 吉字节每秒 Mbps 兆比特每秒
    nm 纳米 μm 微米 μg 微克 μs 微秒 μL 微升 mmHg 毫米汞柱 kcal 千卡 Ω 欧姆"""
_SPOKEN_UNITS = "公里|千克|厘米|毫|克|米|升|摄氏度|华氏度|平方|立方|赫兹|[千兆吉][赫瓦字比]|分贝"
_MONEY = {
    "HK$": "港元", "NT$": "新台币", "US$": "美元", "$": "美元", "￥": "元", "¥": "元",
    "€": "欧元", "£": "英镑", "₩": "韩元",
}  # fmt: skip
_CANTONESE_MONEY = {
    "HK$": "港元", "NT$": "新台幣", "US$": "美元", "$": "元", "￥": "元", "¥": "元",
    "€": "歐元", "£": "英鎊", "₩": "韓元",
}  # fmt: skip
_SPOKEN_MONEY = "美元|港元|新台[币幣]|元|[欧歐]元|英[镑鎊]|[韩韓]元"
_SCALES = {"K": "千", "k": "千", "M": "百万", "B": "十亿"}
_THOUSANDS = re.compile(r"(?<![\d,.$￥¥€£₩])(\d{1,3}(?:,\d{3}){1,5})(\.\d{1,9})?(?![\d,.])")
_PAIRS = "个個只隻条條张張件次天周小名本辆輛家杯瓶句种種点點"
_BEFORE_AMOUNT = "满滿共约約近减減仅僅超达達过過少多至"


def name_thousands(text: str) -> str:
    """`text` with numbers like `1,234,000` by their names."""

    def named(match: re.Match[str]) -> str:
        return number(match[1].replace(",", "") + (match[2] or ""))

    return _THOUSANDS.sub(named, text)


def _colon(match: re.Match[str]) -> str:
    """A score or a ratio, unless it can be the time of day and nothing says otherwise."""
    first, second = match[1], match[2]
    is_clock = len(second) == 2 and int(first) <= 24 and int(second) < 60
    compares = "比" in match.string[max(0, match.start() - 6) : match.start()]
    return match[0] if is_clock and not compares else f"{number(first)}比{number(second)}"


def _amount(match: re.Match[str]) -> str:
    return number(match[1])


def _telephone(match: re.Match[str]) -> str:
    return digits(match[0].replace("-", ""), telephone=True)


def _pressure(match: re.Match[str]) -> str:
    """Of blood: two numbers, and no fraction."""
    unit = "毫米汞柱" if match[4] else ""
    return f"{match[1]}{number(match[2])}比{number(match[3])}{unit}"


def _address(match: re.Match[str]) -> str:
    host = "点".join(map(digits, match[1].split(".")))
    return f"{host}端口{digits(match[2])}" if match[2] else host


_CHARACTERS: Rules = ((r"([\u4e00-\u9fa5])々", r"\1\1"), ("〇", "零"), (r"№ ?(?=\d)", "第"))
_TWICE: Rules = (
    (rf"(?<![\d.:/第-])2(?=[{_PAIRS}])", "两"),
    (r"(?<=[日号號月年点點时時一二三四五六]) ?[-–—~～] ?(?=\d|[周週])", "至"),
)
_NUMBERS: Rules = (
    (r"(?<!\d)(\d{4}) ?[-–~～] ?(\d{4})(?=年)", r"\1年至\2"),
    (DATE, r"\1年\2月\3日"),
    (r"(?<![\d.])(\d{1,3}(?:\.\d{1,3}){3})(?::(\d{1,5}))?(?![\d.])", _address),
    (DOTTED, lambda match: "点".join(map(digits, match[0].split(".")))),
    (r"(?<![\d-])(0\d{2,3})-(\d{7,8})(?!\d)", r"\1\2"),
    (r"(?<![\d-])(?:[48]00-\d{3,4}-\d{3,4}|1\d{2}-\d{4}-\d{4})(?![\d-])", _telephone),
    (r"(?<=[话話电電线線打机機])([：: ]{0,2})(\d{3,4})-(\d{4})(?![\d-])", r"\1\2\3"),
    (r"(?<![\d:])(\d{1,4}):(\d{1,4})(?![\d:])", _colon),
    (r"\$ ?(\d+(?:\.\d+)?)(K|k|M|B)(?![A-Za-z])", lambda m: f"{m[1]}{_SCALES[m[2]]}美元"),
    (r"(?<![\d/])24/7(?![\d/])", "七乘二十四"),
    (r"(?<=血[压壓])(\D{0,6})(\d{2,3})/(\d{2,3})(?![\d/])( ?mmHg)?", _pressure),
    (r"(?<![\d/])()(\d{2,3})/(\d{2,3})( ?(?:mmHg|毫米汞柱))", _pressure),
    (r"(?<![\w.])±(?=\d)", "正负"),
    (r"——+", "，"),
)
_SIGNS: Rules = (
    (r"(?<=\d) ?[×x*] ?(?=\d)", "乘"),
    (r"(?<=\d) ?÷ ?(?=\d)", "除以"),
    (r"(?<=[\d)]) ?\+ ?(?=\d)", "加"),
    (r"(?<=[\d)\u4e00-\u9fff]) ?= ?(?=[\d\u4e00-\u9fff-])", "等于"),
    (r"(?<![\d\w])~(?=\d)", "约"),
    (POWER, r"的\1次方"),
    (r"(?<=[A-Za-z])²", "的平方"),
    (r"(?<=[A-Za-z])³", "的立方"),
    (r"(?<![A-Za-z+])([A-Za-z](?:的[平立]方)?) ?\+ ?(?=[A-Za-z](?![A-Za-z]))", r"\1加"),
    (r"(?<![A-Za-z])([A-Za-z](?:的[平立]方)?) ?= ?(?=[\w(-])", r"\1等于"),
    (r"√ ?(?=\w)", "根号"),
    (r" ?≠ ?", "不等于"),
    (r" ?≈ ?", "约等于"),
    (r" ?≥ ?", "大于等于"),
    (r" ?≤ ?", "小于等于"),
    (r"(?<=\d) ?> ?(?=\d)", "大于"),
    (r"(?<=\d) ?< ?(?=\d)", "小于"),
    (r" ?(?:→|⇒|->|=>) ?", "到"),
    (r"(?<=\d)°(?! ?[CF])", "度"),
    (r"(?<=\d)[′’](?!\w)", "分"),
    (r"½", "二分之一"),
    (r"¼", "四分之一"),
    (r"¾", "四分之三"),
)
_AMOUNTS: Rules = (
    (rf"(?<![\d.:/-])([1-9]\d{{2,8}})(?={_SPOKEN_UNITS}|{_SPOKEN_MONEY})", _amount),
    (rf"(?<=[{_BEFORE_AMOUNT}])([1-9]\d{{2,8}})(?![\d.:/%年-])", _amount),
    (r"(?<![\d.:/#-])([1-9]\d{0,6}00)(?![\d.:/%年-])", _amount),
)


CHINESE: Rules = (
    *_CHARACTERS, *_NUMBERS, *money_rules(_MONEY), units_rule(_UNITS), *_SIGNS, *_AMOUNTS, *_TWICE,
)  # fmt: skip
_HONG_KONG_TELEPHONE: Rules = ((r"(?<![\d.-])\d{4}-\d{4}(?![\d年-])", _telephone),)
CANTONESE: Rules = (
    *_CHARACTERS, *_HONG_KONG_TELEPHONE, *_NUMBERS, *money_rules(_CANTONESE_MONEY),
    units_rule(_UNITS), *_SIGNS, *_AMOUNTS, *_TWICE,
)  # fmt: skip
