"""What every language's front end is: text of one language in, phonemes out."""

from __future__ import annotations

from typing import Protocol

from engine.types import PhonemeSegment


class LanguageFrontend(Protocol):
    """Reads one language. Implementations load their dictionaries on first use."""

    def read(self, text: str) -> PhonemeSegment:
        """The phonemes of `text`, normalized; none when nothing in it can be spoken."""
        ...
