"""What a node works with: the settings of its credentials, and the server they name."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from plugin.gpt_sovits.fields import choice, text
from plugin.gpt_sovits.pool import Server, shared_pool
from plugin.gpt_sovits.settings import (
    SPEEDS,
    VOICE_OWN_LANGUAGE,
    Expression,
    Manner,
    Settings,
    SoundFormat,
    number,
    read_settings,
)


@dataclass(frozen=True, slots=True)
class Workplace:
    """A node's server and settings."""

    settings: Settings
    server: Server

    def voice(self, wanted: str, words: str, language: str) -> str:
        """Return the voice to speak `words` in: the wanted one, the default one, or a native one.

        Raises:
            TtsError: it can be no voice's, or the server has none or cannot be asked.
        """
        return self.server.choose_voice(wanted, self.settings.default_voice, words, language)


def open_workplace(credentials: Mapping[str, Any]) -> Workplace:
    """Return the workplace of a provider's credentials.

    Raises:
        SettingError: a field is missing or wrong.
    """
    # Dify's form of a tool cannot hide fields, so one field serves both ways of TLS.
    form = {**credentials, "mutual_ca_certificate": credentials.get("ca_certificate")}
    settings = read_settings(form)
    return Workplace(settings, shared_pool().get(settings.endpoint))


def read_language(parameters: Mapping[str, Any], name: str) -> str:
    """Return the code that the field `name` means: `en` also of `EN`, `en-US` and `en_US`."""
    return re.split("[-_]", text(parameters, name).lower(), maxsplit=1)[0]


def read_manner(parameters: Mapping[str, Any]) -> Manner:
    """Return how to speak, from the parameters of a node.

    Raises:
        SettingError: one is out of range.
    """
    language = read_language(parameters, "language") or "auto"
    return Manner(
        language="" if language == VOICE_OWN_LANGUAGE else language,
        speed=number(parameters, "speed", 1.0, SPEEDS),
        expression=choice(parameters, "expression", Expression.DEFAULT),
        sound_format=choice(parameters, "format", SoundFormat.MP3),
    )
