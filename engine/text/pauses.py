"""Pauses that a text asks for, as SSML writes them: `<break time="700ms"/>`.

A pause travels behind its piece of the text, written in private-use characters like a mark.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

LONGEST_S = 10.0
_BREAK = re.compile(r"<break(?:\s[^<>]{0,80})?/?>(?:\s*</break>)?", re.IGNORECASE)
_TIME = re.compile(r"\btime\s*=\s*[\"']?\+?(\d{1,6}(?:\.\d{1,3})?)(ms|s)\b", re.IGNORECASE)
_STRENGTH = re.compile(r"\bstrength\s*=\s*[\"']?([a-z-]+)", re.IGNORECASE)
_SECONDS_OF = {
    "none": 0.0, "x-weak": 0.1, "weak": 0.25, "medium": 0.5, "strong": 0.8, "x-strong": 1.2,
}  # fmt: skip
_MARK = re.compile("\ue003([0-9]+)\ue004$")


def cut_at_pauses(text: str) -> list[tuple[str, float]]:
    """The parts of `text` between its pauses, each with the seconds of silence behind it."""
    parts: list[tuple[str, float]] = []
    at = 0
    for match in [*_BREAK.finditer(text), None]:
        part, pause_s = text[at : match.start() if match else None], _seconds(match)
        at = match.end() if match else len(text)
        if parts and not part.strip():
            part, pause_s = parts[-1][0], min(parts.pop()[1] + pause_s, LONGEST_S)
        parts.append((part, pause_s))
    return parts


def pause_before(text: str) -> float:
    """The seconds of silence that `text` begins with."""
    part, pause_s = cut_at_pauses(text)[0]
    return 0.0 if part.strip() else pause_s


def with_pause(pieces: Sequence[str], pause_s: float) -> list[str]:
    """`pieces`, the last of them with a pause behind it unless that is none."""
    if not pieces or not pause_s:
        return list(pieces)
    return [*pieces[:-1], f"{pieces[-1]}\ue003{round(pause_s * 1000)}\ue004"]


def without_pause(piece: str) -> str:
    """`piece` as it is read."""
    return _MARK.sub("", piece)


def pause_behind(piece: str) -> float | None:
    """The seconds of silence that are asked for behind `piece`; None where none are."""
    found = _MARK.search(piece)
    return None if found is None else int(found[1]) / 1000


def _seconds(match: re.Match[str] | None) -> float:
    if match is None:
        return 0.0
    if time := _TIME.search(match[0]):
        return min(float(time[1]) / (1000 if time[2].lower() == "ms" else 1), LONGEST_S)
    strength = _STRENGTH.search(match[0])
    return _SECONDS_OF.get(strength[1].lower() if strength else "medium", 0.5)
