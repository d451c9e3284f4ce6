"""Numbers in Chinese characters."""

from __future__ import annotations

_DIGITS = "零一二三四五六七八九"
_SMALL_UNITS = ("", "十", "百", "千")
_GROUP_UNITS = ("", "万", "亿", "万亿")
_LONGEST_CARDINAL = 16


def digits(text: str, *, telephone: bool = False) -> str:
    """Each digit by itself; on the telephone 1 is read 幺."""
    spelled = "".join(_DIGITS[int(char)] if char.isdecimal() else char for char in text)
    return spelled.replace("一", "幺") if telephone else spelled


def cardinal(text: str) -> str:
    """The integer `text` (digits alone); longer ones than a name reaches are spelled."""
    significant = text.lstrip("0")
    if not significant:
        return "零" if text else ""
    if len(significant) > _LONGEST_CARDINAL:
        return digits(significant)
    groups = _groups_of_four(significant)
    spoken = ""
    for index, group in enumerate(groups):
        words = _below_ten_thousand(group)
        if not words:
            continue
        unit = _GROUP_UNITS[len(groups) - 1 - index]
        gap = spoken and (group.startswith("0") or _ends_in_zero_group(groups, index))
        spoken += ("零" if gap else "") + words + unit
    return spoken.removeprefix("一") if spoken.startswith("一十") else spoken


def number(text: str) -> str:
    """An integer or a decimal, such as `12.5`; zeros at the end of a fraction are not read."""
    whole, _, fraction = text.partition(".")
    spoken = cardinal(whole)
    fraction = fraction.rstrip("0")
    return f"{spoken or '零'}点{digits(fraction)}" if fraction else spoken


def _groups_of_four(text: str) -> list[str]:
    first = len(text) % 4
    groups = [text[start : start + 4] for start in range(first, len(text), 4)]
    return [text[:first], *groups] if first else groups


def _ends_in_zero_group(groups: list[str], index: int) -> bool:
    return index > 0 and groups[index - 1] == "0000"


def _below_ten_thousand(group: str) -> str:
    spoken = ""
    gap = False
    for index, char in enumerate(group):
        if char == "0":
            gap = bool(spoken)
            continue
        spoken += ("零" if gap else "") + _DIGITS[int(char)]
        spoken += _SMALL_UNITS[len(group) - 1 - index]
        gap = False
    return spoken
