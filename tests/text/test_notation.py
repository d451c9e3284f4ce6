"""Dates, units, amounts and abbreviations in words."""

from __future__ import annotations

import pytest

from engine.text.notation import spell_out


@pytest.mark.parametrize(
    ("text", "spoken"),
    [
        ("On 2024-05-01.", "On May 1st 2024."),
        ("It was 5/22/2024.", "It was May 22nd 2024."),
        ("at 3:45pm, 10 AM or 9:05 a.m.", "at 3 45 P M, 10 A M or 9 oh 5 A M"),
        ("the 1990s and 1900s", "the 19 nineties and 19 hundreds"),
        ("pages 10-20", "pages 10 to 20"),
        ("call +1-555-123-4567", "call 1 5 5 5 1 2 3 4 5 6 7"),
        ("Mr. Smith and Dr. No", "Mister Smith and Doctor No"),
        ("e.g. this, i.e. that", "for example this, that is that"),
        ("the U.S.A. won", "the USA won"),
        ("in the U.S.", "in the US."),
        ("issue #3, 16GB at 3.5GHz", "issue number 3, 16 gigabytes at 3.5 gigahertz"),
        ("C++, C# & Node.js", "C plus plus, C sharp and Node dot js"),
        ("AT&T", "AT and T"),
        ("It ended. No.", "It ended. No."),
        ("a well-known e-mail", "a well-known e-mail"),
    ],
)
def test_english_notation(text: str, spoken: str) -> None:
    assert spell_out(text, "en") == spoken


@pytest.mark.parametrize(
    ("text", "language", "spoken"),
    [
        ("重5kg，长3 cm。", "zh", "重5千克，长3厘米。"),
        ("今天30℃，时速60km/h", "zh", "今天30摄氏度，时速60公里每小时"),
        ("$99，￥12.5元", "zh", "99美元，12.5元"),
        ("2024-05-01", "zh", "2024年05月01日"),
        ("血压是120/80，3/4", "zh", "血压是一百二十比八十，3/4"),
        ("135/85mmHg", "zh", "一百三十五比八十五毫米汞柱"),
        ("24/7营业", "zh", "七乘二十四营业"),
        ("血壓120/80，24/7小時", "yue", "血壓一百二十比八十，七乘二十四小時"),
        ("010-12345678", "zh", "01012345678"),
        ("$20", "yue", "20元"),
        ("5kg", "yue", "5千克"),
        ("2024-05-01の15:30", "ja", "2024年5月1日の15時30分"),
        ("9:00、50%、3/4", "ja", "9時、50パーセント、4分の3"),
        ("10〜20個で$99", "ja", "10から20個で99ドル"),
        ("5kgと30℃", "ja", "5キログラムと30度"),
        ("2024-05-01 15:30", "ko", "2024년 5월 1일 15시 30분"),
        ("3/4, 10~20개, $99", "ko", "4분의 3, 10에서 20개, 99달러"),
        ("16GB", "ko", "16기가바이트"),
        ("5kg, 10-20, $9", "", "5kg, 10-20, $9"),
        ("iPhone 15m2", "zh", "iPhone 15m2"),
    ],
)
def test_notation_of_other_languages(text: str, language: str, spoken: str) -> None:
    assert spell_out(text, language) == spoken


def test_long_notation_takes_little_time() -> None:
    for text in ("1-" * 20_000, "1:" * 20_000, "A." * 20_000, "1" * 40_000, "$" * 20_000):
        for language in ("en", "zh", "ja", "ko", "yue"):
            spell_out(text, language)
