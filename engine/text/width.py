"""How much there is to say in a text, told by its letters."""

from __future__ import annotations

import re

WIDE_WIDTH = 3  # a CJK character takes about as long to say as three letters
DIGIT_WIDTH = 4
WIDE = re.compile("[\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff\uff00-\uffef]")


def text_width(text: str) -> int:
    """Its characters, CJK ones counted as three."""
    return len(text) + (WIDE_WIDTH - 1) * len(WIDE.findall(text))


def spoken_width(text: str) -> int:
    """Its width, digits counted as the words that they are read as."""
    return text_width(text) + (DIGIT_WIDTH - 1) * sum(map(str.isdecimal, text))
