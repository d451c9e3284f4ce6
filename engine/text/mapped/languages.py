"""Which languages are read by mapping, and the names that other programs have for them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class MappedLanguage:
    """One of them: the voice of espeak-ng, and the code of num2words."""

    espeak_voice: str
    number_language: str


MAPPED_FROM = "en"  # a bundle that does not know it knows hardly any of the phonemes

MAPPED_LANGUAGES: Mapping[str, MappedLanguage] = MappingProxyType(
    {
        "fr": MappedLanguage("fr", "fr"),
        "de": MappedLanguage("de", "de"),
        "es": MappedLanguage("es", "es"),
        "it": MappedLanguage("it", "it"),
        "pt": MappedLanguage("pt-br", "pt_BR"),  # of Brazil, where most who speak it live
    }
)
