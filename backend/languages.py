"""English names of language codes, for lists that people read."""

from __future__ import annotations

from types import MappingProxyType

_NAMES = MappingProxyType(
    {
        "auto": "Detect each passage",
        "zh": "Chinese",
        "yue": "Cantonese",
        "en": "English",
        "ja": "Japanese",
        "ko": "Korean",
        "fr": "French",
        "de": "German",
        "es": "Spanish",
        "it": "Italian",
        "pt": "Portuguese",
        "nl": "Dutch",
        "pl": "Polish",
        "ru": "Russian",
        "tr": "Turkish",
        "vi": "Vietnamese",
        "id": "Indonesian",
        "hi": "Hindi",
        "ar": "Arabic",
    }
)


def display_name(code: str) -> str:
    """Return the English name of a language, or the code itself where none is known."""
    return _NAMES.get(code, code)
