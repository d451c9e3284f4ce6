"""Korean dates, times, telephone numbers, units, amounts and signs in words."""

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

_DIGITS = "영 일 이 삼 사 오 육 칠 팔 구"
_TELEPHONE_DIGITS = "공 일 이 삼 사 오 육 칠 팔 구"
_ONES = ["", "한", "두", "세", "네", "다섯", "여섯", "일곱", "여덟", "아홉"]
_TENS = ["", "열", "스물", "서른", "마흔", "쉰", "예순", "일흔", "여든", "아흔"]
_UNITS = """kg 킬로그램 km/h 킬로미터퍼아워 km 킬로미터 cm 센티미터 mm 밀리미터 ml 밀리리터
    mL 밀리리터 mg 밀리그램 g 그램 m 미터 L 리터 ℃ 도 °C 도 ℉ 도 °F 도 % 퍼센트 KB 킬로바이트
    MB 메가바이트 GB 기가바이트 TB 테라바이트 Hz 헤르츠 kHz 킬로헤르츠 MHz 메가헤르츠
    GHz 기가헤르츠 m² 제곱미터 km² 제곱킬로미터 cm² 제곱센티미터 m³ 세제곱미터
    m/s 미터퍼세컨드 MB/s 메가바이트퍼세컨드 GB/s 기가바이트퍼세컨드 Mbps 메가비피에스
    μm 마이크로미터 μg 마이크로그램 μs 마이크로초
    kW 킬로와트 kWh 킬로와트시 mAh 밀리암페어시 dB 데시벨"""
_MONEY = {"$": "달러", "₩": "원", "￥": "엔", "¥": "엔", "€": "유로", "£": "파운드"}
_WORD = r"[\d가-힣]"


def _digits(text: str) -> str:
    return spelled(text, _DIGITS)


def _telephone(match: re.Match[str]) -> str:
    return spelled(match[0].replace("-", ", "), _TELEPHONE_DIGITS)


def _clock(match: re.Match[str]) -> str:
    return f"{int(match[1])}시" + (f" {int(match[2])}분" if int(match[2]) else "")


def _persons(match: re.Match[str]) -> str:
    tens, ones = divmod(int(match[1]), 10)
    return ("스무" if (tens, ones) == (2, 0) else _TENS[tens] + _ONES[ones]) + " 명"


KOREAN: Rules = (
    (r"№ ?(?=\d)", "번호 "),
    (DATE, lambda match: f"{match[1]}년 {int(match[2])}월 {int(match[3])}일"),
    (CLOCK_RANGE, "에서 "),
    (CLOCK, _clock),
    (SCORE, r"\1대 \2"),
    (FRACTION, r"\2분의 \1"),
    (r"(?<![\d-])(?:0\d{1,2}-\d{3,4}-\d{4}|1[5-8]\d{2}-\d{4})(?![\d-])", _telephone),
    (RANGE, r"\1에서 \2"),
    (rf"{MINUS}(?=\d+(?:\.\d+)? ?(?:도|℃|°C))", "영하 "),
    (MINUS, "마이너스 "),
    (r"(?<![\w+])\+(?=\d)", "플러스 "),
    (r"±(?=\d)", "플러스 마이너스 "),
    (r"(?<=\d) ?\+ ?(?=\d)", " 더하기 "),
    (r"(?<=\d) ?[×x*] ?(?=\d)", " 곱하기 "),
    (r"(?<=\d) ?÷ ?(?=\d)", " 나누기 "),
    (r"(?<=[\d)]) ?= ?(?=[\d-])", " 이퀄 "),
    (POWER, r"의 \1제곱"),
    *money_rules(_MONEY),
    units_rule(_UNITS),
    (r"(?<=[\dA-Za-z])²", "제곱"),
    (r"(?<=[\dA-Za-z])³", "세제곱"),
    (r"(?<![A-Za-z+])([A-Za-z](?:세?제곱)?) ?\+ ?(?=[A-Za-z](?![A-Za-z]))", r"\1 더하기 "),
    (r"(?<![A-Za-z])([A-Za-z](?:세?제곱)?) ?= ?(?=[\w(-])", r"\1 이퀄 "),
    (r"√ ?(?=\w)", "루트 "),
    (r" ?≠ ?", " 같지 않다 "),
    (r" ?≈ ?", " 약 "),
    (r" ?≥ ?", " 크거나 같다 "),
    (r" ?≤ ?", " 작거나 같다 "),
    (r"(?<=\d)°", "도"),
    (r"(?<![\d.])([1-9]\d?) ?명(?![가-힣]{2})", _persons),
    (DOTTED, lambda match: "점".join(map(_digits, match[0].split(".")))),
    (DECIMAL, lambda match: f"{match[1]}점{_digits(match[2])}"),
    (r"[#＃](\d+)(?!번)", r"\1번"),
    (rf"(?<={_WORD}) ?[~〜～] ?(?={_WORD})", "에서 "),
    (r" ?(?:→|⇒) ?", "에서 "),
)
