"""Makes written answers speakable: Markdown, code, links, tables and emoji are not read aloud.

Language models answer in Markdown. What carries words is kept (a link's label, a heading, a
table's cells); what a reader would not say is dropped (fenced code, rules, the path of an
address). Every rule takes time linear in the text.
"""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Iterator

_FENCE = re.compile(r"[ \t]*(?:```|~~~)")
_RULE = re.compile(r"(?:-[- \t]{2,}|\*[* \t]{2,}|_[_ \t]{2,}|={3,})$")
_TABLE_RULE = re.compile(r"\|?[ \t]*:?-{2,}[-:| \t]*$")
_LINE_MARK = re.compile(r"(?:#{1,6}[ \t]+|>[> \t]*|[-*+•●▪◦][ \t]+(?:\[[ xX]\][ \t])?)")
_LINK = re.compile(r"!?\[([^\[\]\n]{0,300})\]\([^()\s]{0,2000}(?: [^()\n]{0,200})?\)")
_FOOTNOTE = re.compile(r"\[\^[^\]\s]{1,20}\]|【[^】]{0,30}†[^】]{0,30}】")
_BREAK = re.compile(r"<(?:br|p|/p|/li|/div|/h[1-6])\b[^<>]{0,20}>", re.IGNORECASE)
_TAG = re.compile(r"<(?:/?[A-Za-z][^<>]{0,200}|!--[^<>]{0,500}--)>")
_WEB = re.compile(
    r"<?(?<![A-Za-z0-9])(?:(?:https?|ftp)://(?:www\.)?|www\.)([A-Za-z0-9.-]{1,253})"
    r"(?:[/:?#][^\s<>，。；！？、“”（）()\u3040-\uffff]{0,2000})?>?"
)
_MAIL = re.compile(
    r"(?<![A-Za-z0-9._%+-])[A-Za-z0-9._%+-]{1,64}"
    r"@(?:[A-Za-z0-9-]{1,63}\.){1,8}[A-Za-z]{2,24}(?![A-Za-z0-9])"
)
_EMPHASIS = re.compile(
    r"(?<!\\)(?:\*{2,}|~~|`+|(?<![\d\s])\*|\*(?![\d\s])|(?<!\w)_+(?=\S)|(?<=\S)_+(?!\w))"
)
_ESCAPE = re.compile(r"\\([\\`*_{}\[\]()#+.!|>~-])")
_THOUSANDS = re.compile(r"(?<![\d,.])\d{1,3}(?:,\d{3})+(?![\d,])")
_COUNTED_RANGE = re.compile(
    r"(?<![\d.-])(\d{1,4}(?:\.\d{1,4})?)[-–—](?=\d{1,4}(?:\.\d{1,4})?[\u4e00-\u9fff])"
)
_DASH = re.compile(r"(?<=[A-Za-z0-9)\"”'’]) ?(?:[—–]|--) ?(?=[A-Za-z(\"“'‘])")
_STYLED = re.compile(  # full-width, lowered and mathematical letters and digits, ligatures
    "[\uff10-\uff19\uff21-\uff3a\uff41-\uff5a\ufb00-\ufb06\U0001d400-\U0001d7ff"
    "\u2080-\u2089\u00b5]+|[\u2160-\u217f]{2,}"
    "|[\uff66-\uff9f]+|[\u3220-\u3247\u3280-\u32b0\u32d0-\u33ff]"  # half-width kana, ㈱ and ㎏
)
_DIGIT = re.compile(r"(?![0-9])\d")  # of Arabic, Devanagari, …
_NUMBERED = re.compile(  # circled, bracketed and Roman numbers in one character
    "[\u2160-\u217f\u2460-\u249b\u24ea-\u24fe\u2776-\u2793\u3251-\u325f\u32b1-\u32bf]"
)
_APOSTROPHE = re.compile(r"(?<=[A-Za-z])’(?=[A-Za-z])")
_UNSPOKEN_CATEGORIES = frozenset(("So", "Cs", "Co", "Cn", "Cf", "Cc", "Me"))
_SPOKEN_SYMBOLS = frozenset("℃℉°№㎡㎏㎝〒\n\t")
_EMOJI_MODIFIERS = frozenset(map(chr, [*range(0x1F3FB, 0x1F400), *range(0xFE00, 0xFE10)]))


def clean_text(text: str) -> str:
    """`text` as plain sentences and lines, ready to be split."""
    text = unicodedata.normalize("NFC", text.replace("\r\n", "\n").replace("\r", "\n"))
    text = _STYLED.sub(lambda match: unicodedata.normalize("NFKC", match[0]), text)
    text = _NUMBERED.sub(_plain_number, _DIGIT.sub(lambda match: str(int(match[0])), text))
    text = "\n".join(_without_code(text.split("\n")))
    text = html.unescape(_TAG.sub("", _BREAK.sub("\n", _WEB.sub(_host, text))))
    text = _MAIL.sub(_mailbox, _LINK.sub(r"\1", _FOOTNOTE.sub("", text)))
    text = "\n".join(_line(line) for line in text.split("\n"))
    text = _ESCAPE.sub(r"\1", _EMPHASIS.sub("", text)).replace("_", " ")
    text = _plain_numbers_and_dashes(text)
    text = "".join(char for char in text if _is_spoken(char))
    return re.sub(r"[ \t\u00a0\u3000]+", " ", text).strip()


def _plain_number(match: re.Match[str]) -> str:
    """`①` as the digits that all languages read, apart from a number or a Latin word behind it."""
    value, following = unicodedata.numeric(match[0]), match.string[match.end() : match.end() + 1]
    apart = ", " if following.isnumeric() else " " if following.isascii() else ""
    return f"{int(value)}{apart if following.isalnum() else ''}"


def _without_code(lines: list[str]) -> Iterator[str]:
    """The lines outside fenced blocks; a fence that never closes hides nothing."""
    hidden: list[str] | None = None
    for line in lines:
        if _FENCE.match(line):
            hidden = [] if hidden is None else None
        elif hidden is not None:
            hidden.append(line)
        else:
            yield line
    yield from hidden or []


def _plain_numbers_and_dashes(text: str) -> str:
    """`text` with `1,234` as one number, `3-5天` as a range and a dash as the pause it is."""
    text = _THOUSANDS.sub(lambda match: match[0].replace(",", ""), text)
    text = _COUNTED_RANGE.sub(_range_or_telephone, text)
    return _DASH.sub(_pause_or_span, _APOSTROPHE.sub("'", text))


def _range_or_telephone(match: re.Match[str]) -> str:
    before = match.string[max(0, match.start() - 4) : match.start()]
    return match[0] if any(char in before for char in "话話线線机機") else f"{match[1]}~"


def _pause_or_span(match: re.Match[str]) -> str:
    """A dash is a pause; `Mon–Fri` and `Paris–London` are left for the language to say."""
    before, after = match.string[match.start() - 1], match.string[match.end()]
    return match[0] if match[0] == "–" and before.isalnum() and after.isupper() else ", "


def _host(match: re.Match[str]) -> str:
    address = match[0].strip("<>")
    stop = address[len(address.rstrip(",.;:!?")) :]
    return f" {_spoken_dots(match[1].strip('.-'))}{stop} "


def _mailbox(match: re.Match[str]) -> str:
    name, _, host = match[0].partition("@")
    return f" {_spoken_dots(name).replace('+', ' plus ')} at {_spoken_dots(host)} "


def _spoken_dots(name: str) -> str:
    return name.replace(".", " dot ")


def _line(line: str) -> str:
    """`line` without what only lays it out; the cells of a table row become clauses."""
    line = line.strip()
    if _RULE.match(line) or _TABLE_RULE.match(line):
        return ""
    line = line[mark.end() :] if (mark := _LINE_MARK.match(line)) else line
    if line.startswith("|"):
        return ", ".join(cell.strip() for cell in line.split("|") if cell.strip())
    return line


def _is_spoken(char: str) -> bool:
    if char in _SPOKEN_SYMBOLS:
        return True
    return char not in _EMOJI_MODIFIERS and unicodedata.category(char) not in _UNSPOKEN_CATEGORIES
