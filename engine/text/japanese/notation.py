"""Japanese dates, times, telephone numbers, units, amounts and signs in words."""

from __future__ import annotations

import re

from engine.text.patterns import (
    CLOCK,
    CLOCK_RANGE,
    DATE,
    DECIMAL,
    DOTTED,
    FRACTION,
    MINUS,
    POWER,
    RANGE,
    SCORE,
    Rules,
    money_rules,
    spelled,
    units_rule,
)

_DIGITS = "ゼロ イチ ニー サン ヨン ゴー ロク ナナ ハチ キュー"
_UNITS = """kg キログラム km/h キロメートル毎時 km キロメートル cm センチメートル
    mm ミリメートル ml ミリリットル mL ミリリットル mg ミリグラム g グラム m メートル
    L リットル ℃ 度 °C 度 ℉ 度 °F 度 % パーセント KB キロバイト MB メガバイト GB ギガバイト
    TB テラバイト Hz ヘルツ kHz キロヘルツ MHz メガヘルツ GHz ギガヘルツ m² 平方メートル
    km² 平方キロメートル cm² 平方センチメートル m³ 立方メートル
    m/s メートル毎秒 MB/s メガバイト毎秒 GB/s ギガバイト毎秒 Mbps メガビット毎秒
    μm マイクロメートル μg マイクログラム μs マイクロ秒
    kW キロワット kWh キロワット時 mAh ミリアンペア時 dB デシベル"""
_MONEY = {"$": "ドル", "￥": "円", "¥": "円", "€": "ユーロ", "£": "ポンド", "₩": "ウォン"}
_KANA = r"[\u3041-\u30fa]"
_WORD = r"[\d\u3041-\u30ff\u4e00-\u9fff]"


_KANJI_DIGITS = "〇一二三四五六七八九"
_VARIANTS = dict(zip("髙﨑𠮷栁濵桒德瀨黑", "高崎吉柳浜桑徳瀬黒", strict=True))  # of names


def _with_zeros(match: re.Match[str]) -> str:
    """Positional digits such as 二〇二四, which OpenJTalk reads in Arabic ones."""
    return "".join(str(_KANJI_DIGITS.index(digit)) for digit in match[0])


def _digits(text: str) -> str:
    return spelled(text, _DIGITS)


def _decimal(match: re.Match[str]) -> str:
    return f"{match[1]}点{_digits(match[2])}"


def _clock(match: re.Match[str]) -> str:
    return f"{int(match[1])}時" + (f"{int(match[2])}分" if int(match[2]) else "")


JAPANESE: Rules = (
    (f"[{''.join(_VARIANTS)}]", lambda match: _VARIANTS[match[0]]),
    (rf"[{_KANJI_DIGITS}]*〇[{_KANJI_DIGITS}]*", _with_zeros),
    (r"№ ?(?=\d)", "ナンバー"),
    (DATE, lambda match: f"{match[1]}年{int(match[2])}月{int(match[3])}日"),
    (CLOCK_RANGE, "から"),
    (CLOCK, _clock),
    (SCORE, r"\1対\2"),
    (FRACTION, r"\2分の\1"),
    (
        r"(?<![\d-])(?:0\d{1,4}-\d{1,4}-\d{3,4}|(?<=〒)\d{3}-\d{4})(?![\d-])",
        lambda match: _digits(match[0].replace("-", "の")),
    ),
    (r"〒 ?", "郵便番号"),
    (r"(?<=[区市町村])(\d{1,4})-(\d{1,4})(?:-(\d{1,4}))?(?![\d-])", lambda m: "の".join(
        part for part in m.groups() if part
    )),
    (RANGE, r"\1から\2"),
    (MINUS, "マイナス"),
    (r"(?<![\w+])\+(?=\d)", "プラス"),
    (r"±(?=\d)", "プラスマイナス"),
    (r"(?<=\d) ?\+ ?(?=\d)", "たす"),
    (r"(?<=\d) ?[×x*] ?(?=\d)", "かける"),
    (r"(?<=\d) ?÷ ?(?=\d)", "わる"),
    (r"(?<=[\d)]) ?= ?(?=[\d-])", "イコール"),
    (POWER, r"の\1乗"),
    *money_rules(_MONEY),
    units_rule(_UNITS),
    (r"(?<=[\dA-Za-z])²", "の2乗"),
    (r"(?<=[\dA-Za-z])³", "の3乗"),
    (r"(?<![A-Za-z+])([A-Za-z](?:の[23]乗)?) ?\+ ?(?=[A-Za-z](?![A-Za-z]))", r"\1たす"),
    (r"(?<![A-Za-z])([A-Za-z](?:の[23]乗)?) ?= ?(?=[\w(-])", r"\1イコール"),
    (r"√ ?(?=\w)", "ルート"),
    (r" ?≠ ?", "ノットイコール"),
    (r" ?≈ ?", "ニアイコール"),
    (r" ?≥ ?", "大なりイコール"),
    (r" ?≤ ?", "小なりイコール"),
    (r"(?<=\d)°", "度"),
    (DOTTED, lambda match: "点".join(map(_digits, match[0].split(".")))),
    (DECIMAL, _decimal),
    (r"(?<!\w)[#＃](\d+)(?!番)", r"\1番"),
    (r"[#＃](\d+)(?!番)", r"\1番"),
    (rf"(?<={_WORD}) ?[~〜～] ?(?={_WORD})", "から"),
    (rf"(?<={_KANA})[~〜～]+", "ー"),
    (r" ?(?:→|⇒) ?", "から"),
)  # fmt: skip
