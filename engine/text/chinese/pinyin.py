"""Pinyin syllables to the two phonemes each has in the symbol table."""

from __future__ import annotations

from engine.text.chinese.libraries import known_syllables, split_pinyin
from engine.text.symbols import UNKNOWN


def _words(line: str) -> frozenset[str]:
    return frozenset(line.split())


_SHORT_FINALS = {"uei": "ui", "iou": "iu", "uen": "un", "ue": "ve"}
_DENTAL, _RETROFLEX = frozenset(("z", "c", "s")), frozenset(("zh", "ch", "sh", "r"))
_Y_FINALS = {
    "i": "i", "in": "in", "ing": "ing", "ia": "a", "ian": "En", "iang": "ang", "iao": "ao",
    "ie": "E", "io": "o", "iong": "ong", "iou": "ou", "v": "v", "van": "van", "ve": "ve",
    "vn": "vn",
}  # fmt: skip
_W_FINALS = {
    "u": "u", "ua": "a", "uai": "ai", "uan": "an", "uang": "ang", "uei": "ei", "uen": "en",
    "ueng": "eng", "uo": "o",
}  # fmt: skip
_VOWEL_ONSETS = {"a": "AA", "e": "EE", "o": "OO"}
_FINALS = _words(
    """a ai an ang ao e ei en eng er i ia ian iang iao ie in ing iong iu o ong ou u ua uai uan
    uang ui un uo v van ve vn"""
)


def syllable_phonemes(initial: str, final: str) -> tuple[str, str]:
    """The onset and the toned rime of one syllable; two `UNK` for one that Mandarin lacks.

    Args:
        initial: as pypinyin gives it: `zh`, or empty for syllables spelled with y, w or a vowel.
        final: with its tone, unabbreviated: `uei4`.
    """
    rime, tone = final[:-1], final[-1:]
    if tone not in ("1", "2", "3", "4", "5"):
        return UNKNOWN, UNKNOWN
    onset, sound = _with_initial(initial, rime) if initial else _without_initial(rime)
    return (onset, sound + tone) if sound else (UNKNOWN, UNKNOWN)


def pinyin_phonemes(syllable: str) -> tuple[str, str]:
    """The phonemes of a syllable as people write it, `lü4` or `lv4`; two `UNK` for none."""
    written = syllable.replace("v", "ü")
    if written[:-1] not in known_syllables():
        return UNKNOWN, UNKNOWN
    return syllable_phonemes(*split_pinyin(written))


def _with_initial(initial: str, rime: str) -> tuple[str, str]:
    rime = _SHORT_FINALS.get(rime, rime)
    if rime == "i" and initial in _DENTAL:
        return initial, "i0"
    if rime == "i" and initial in _RETROFLEX:
        return initial, "ir"
    return initial, rime if rime in _FINALS else ""


def _without_initial(rime: str) -> tuple[str, str]:
    if rime in _Y_FINALS:
        return "y", _Y_FINALS[rime]
    if rime in _W_FINALS:
        return "w", _W_FINALS[rime]
    return _VOWEL_ONSETS.get(rime[:1], ""), rime if rime in _FINALS else ""
