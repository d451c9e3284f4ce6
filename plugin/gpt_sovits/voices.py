"""The server's voices as Dify wants to see them: for every language of its interface, never none.

Dify asks with the 22 locales of its own interface, by default en-US even in front of Japanese
voices, so a language only orders the list: voices of that language first.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from gptsovits.tts.v1 import voices_pb2

from plugin.gpt_sovits.connection import Connection
from plugin.gpt_sovits.errors import (
    ConnectionFailedError,
    OverloadedError,
    ServerFailedError,
    TtsError,
)
from plugin.gpt_sovits.settings import voice_id

FRESH_S = 60.0
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

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class VoiceEntry:
    """A voice in a list: its id, what a person reads, its language, all that it can speak."""

    voice_id: str
    label: str
    language: str
    spoken_languages: tuple[str, ...] = ()

    @property
    def locales(self) -> list[str]:
        """The locales of Dify's interface that this voice can speak, its own first."""
        codes = dict.fromkeys((self.language, *self.spoken_languages))
        return list(
            dict.fromkeys(locale for code in codes for locale in _LOCALES_OF_LANGUAGE.get(code, ()))
        )


def entry(voice: voices_pb2.Voice) -> VoiceEntry:
    """Return the list entry of a voice; its label names the language, as lists mix them."""
    identifier = voice_id(voice.name)
    name = voice.display_name or identifier
    label = f"{name} ({voice.language})" if voice.language else name
    return VoiceEntry(identifier, label, voice.language, tuple(voice.spoken_languages))


def ordered(
    entries: Sequence[VoiceEntry], locale: str | None, default_voice: str = ""
) -> list[VoiceEntry]:
    """Return all entries: those of the locale's language, those that speak it, the others.

    Within each group the default voice comes first and the rest keep their order.
    """

    def rank(candidate: VoiceEntry) -> tuple[int, bool]:
        return _distance(candidate, locale), candidate.voice_id != default_voice

    return sorted(entries, key=rank)


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
