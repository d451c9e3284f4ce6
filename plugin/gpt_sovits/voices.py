"""The server's voices as Dify wants to see them: for every language of its interface, never none.

Dify asks with the 22 locales of its own interface, by default en-US even in front of Japanese
voices, so a language only orders the list: voices of that language first.
"""

from __future__ import annotations

import logging
import re
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from gptsovits.tts.v1 import voices_pb2

from plugin.gpt_sovits.connection import Connection
from plugin.gpt_sovits.errors import (
    ConnectionFailedError,
    OverloadedError,
    ServerFailedError,
    TtsError,
)
from plugin.gpt_sovits.settings import Settings, voice_id

FRESH_S = 60.0
LABEL_STYLE_CHARACTERS = 40
RETRY_AFTER_FAILURE_S = 10.0

_LOCALES_OF_LANGUAGE = {
    "zh": ("zh-Hans", "zh-Hant"),
    "yue": ("zh-Hant",),
    "en": ("en-US",),
    "pt": ("pt-BR",),
    "es": ("es-ES",),
    "fr": ("fr-FR",),
    "de": ("de-DE",),
    "ja": ("ja-JP",),
    "ko": ("ko-KR",),
    "ru": ("ru-RU",),
    "it": ("it-IT",),
    "th": ("th-TH",),
    "uk": ("uk-UA",),
    "vi": ("vi-VN",),
    "ro": ("ro-RO",),
    "pl": ("pl-PL",),
    "hi": ("hi-IN",),
    "tr": ("tr-TR",),
    "fa": ("fa-IR",),
    "sl": ("sl-SI",),
    "id": ("id-ID",),
    "ar": ("ar-TN",),
}

# What speakers of a language call it: the list is one for all languages of the interface.
NAMES = {
    "zh": "中文",
    "yue": "粵語",
    "en": "English",
    "ja": "日本語",
    "ko": "한국어",
    "pt": "Português",
    "es": "Español",
    "fr": "Français",
    "de": "Deutsch",
    "it": "Italiano",
    "ru": "Русский",
}

# By the first script found, as kana and hangul tell more than the Han characters among them.
_SCRIPTS = {
    "ja": re.compile("[\u3041-\u30ff]"),
    "ko": re.compile("[\uac00-\ud7a3]"),
    "zh": re.compile("[\u4e00-\u9fff]"),
}

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class VoiceEntry:
    """A voice in a list: its id, what a person reads, its language, all that it can speak.

    `read_in` is the language that texts are read in if this entry is chosen; empty leaves it to
    the settings.
    """

    voice_id: str
    label: str
    language: str
    spoken_languages: tuple[str, ...] = ()
    read_in: str = ""

    @property
    def locales(self) -> list[str]:
        """The locales of Dify's interface that this voice can speak, its own first."""
        return list(
            dict.fromkeys(
                locale for code in self._codes() for locale in _LOCALES_OF_LANGUAGE.get(code, ())
            )
        )

    @property
    def value(self) -> str:
        """What Dify keeps of this entry and sends back: `amy`, or `amy@ja`."""
        return f"{self.voice_id}@{self.read_in}" if self.read_in else self.voice_id

    def reading(self, locale: str | None) -> VoiceEntry:
        """Return the entry that reads texts in the language of `locale`, if the voice speaks it."""
        for code in self._codes():
            if locale in _LOCALES_OF_LANGUAGE.get(code, ()):
                return replace(self, read_in=code)
        return self

    def _codes(self) -> dict[str, None]:
        return dict.fromkeys((self.language, *self.spoken_languages))


def entry(voice: voices_pb2.Voice) -> VoiceEntry:
    """Return the list entry of a voice: `Ken (日本語, low and calm)`, as lists mix all kinds."""
    identifier = voice_id(voice.name)
    name = voice.display_name or identifier
    traits = [NAMES.get(voice.language, voice.language), _style(voice.description)]
    traits = [trait for trait in traits if trait]
    label = f"{name} ({', '.join(traits)})" if traits else name
    return VoiceEntry(identifier, label, voice.language, tuple(voice.spoken_languages))


def _style(description: str) -> str:
    """Return what fits into a label of a description's first line."""
    line = description.strip().partition("\n")[0]
    if len(line) <= LABEL_STYLE_CHARACTERS:
        return line
    return line[: LABEL_STYLE_CHARACTERS - 1].rstrip() + "…"


def listed(
    entries: Sequence[VoiceEntry], locale: str | None, settings: Settings
) -> list[VoiceEntry]:
    """Return all entries as Dify should show them to a reader of `locale`."""
    shown = ordered(entries, locale, settings.default_voice)
    return [each.reading(locale) for each in shown] if settings.language_from_dify else shown


def ordered(
    entries: Sequence[VoiceEntry], locale: str | None, default_voice: str = ""
) -> list[VoiceEntry]:
    """Return all entries: those of the locale's language, those that speak it, the others.

    Within each group the default voice comes first and the rest keep their order.
    """

    def rank(candidate: VoiceEntry) -> tuple[int, bool]:
        return _distance(candidate, locale), candidate.voice_id != default_voice

    return sorted(entries, key=rank)


def most_native(entries: Sequence[VoiceEntry], language: str) -> VoiceEntry:
    """Return the first entry of that language, else one that speaks it, else the first."""

    def foreignness(candidate: VoiceEntry) -> int:
        if candidate.language == language:
            return 0
        return 1 if language in candidate.spoken_languages else 2

    return min(entries, key=foreignness)


def likely_language(words: str, language: str) -> str:
    """Return `language`, or where it is `auto` the one that the script of `words` speaks for."""
    if language != "auto":
        return language
    return next((code for code, script in _SCRIPTS.items() if script.search(words)), "en")


def _distance(candidate: VoiceEntry, locale: str | None) -> int:
    if not locale:
        return 0
    if locale in _LOCALES_OF_LANGUAGE.get(candidate.language, ()):
        return 0
    return 1 if locale in candidate.locales else 2


class VoiceCatalogue:
    """The voices of one connection, remembered for the times when they cannot be asked for."""

    def __init__(self, connection: Connection, clock: Callable[[], float] = time.monotonic) -> None:
        self._connection = connection
        self._clock = clock
        self._lock = threading.Lock()
        self._known: tuple[VoiceEntry, ...] | None = None
        self._fresh_until = float("-inf")
        self._failed_until = float("-inf")

    def current(self) -> tuple[VoiceEntry, ...]:
        """Return the voices that the server has now; the last known ones while it is away.

        Raises:
            TtsError: it cannot be asked and never was, or it refuses the key.
        """
        try:
            return self._ask()
        except (ConnectionFailedError, ServerFailedError, OverloadedError) as error:
            if self._known is None:
                raise
            log.warning("showing the voices that were known last: %s", error)
            return self._known

    def recent(self) -> tuple[VoiceEntry, ...]:
        """Return the voices as of at most `FRESH_S` ago, as `current` does otherwise.

        Raises:
            TtsError: as `current`.
        """
        with self._lock:  # one asks, the others wait for its answer
            if self._known is not None and self._clock() < self._fresh_until:
                return self._known
            if self._clock() < self._failed_until:
                raise ConnectionFailedError("The speech server could not be asked a moment ago.")
            try:
                voices = self.current()
            except TtsError:
                self._failed_until = self._clock() + RETRY_AFTER_FAILURE_S
                raise
            self._fresh_until = max(self._fresh_until, self._clock() + RETRY_AFTER_FAILURE_S)
            return voices

    def _ask(self) -> tuple[VoiceEntry, ...]:
        voices = tuple(entry(voice) for voice in self._connection.list_voices())
        self._known, self._fresh_until = voices, self._clock() + FRESH_S
        return voices
