"""Dify's credential form, read once into a frozen value.

Dify sends strings only, leaves out what is empty, and does not promise that a field is there.
The form of the models and that of the tools share these fields.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from plugin.gpt_sovits.endpoint import Endpoint, read_endpoint
from plugin.gpt_sovits.errors import SettingError
from plugin.gpt_sovits.fields import choice, label, text

DEFAULT_TIMEOUT_S = 60.0
# Dify before 1.17 cuts an auto-played speech off, without a word, at a gap of 5 s; sound is held
# for up to half a second on its way (`audio.LONGEST_HOLD_S`).
DEFAULT_PAUSE_S = 4.0
VOICE_OWN_LANGUAGE = "voice"
LANGUAGE_FROM_DIFY = "dify"
SPEEDS = (0.25, 4.0)

_VOICE_ID = re.compile(r"[a-z0-9-]+")
_DECIMAL_COMMA = re.compile(r"^(\d+),(\d{1,2})$")  # with more digits it may mark thousands


class SoundFormat(StrEnum):
    """The encodings that this plugin hands to Dify."""

    MP3 = "mp3"
    WAV = "wav"

    @property
    def mime_type(self) -> str:
        """The type as Dify names it."""
        return {"mp3": "audio/mpeg", "wav": "audio/wav"}[self.value]


class Expression(StrEnum):
    """How much a voice varies from one saying to the next."""

    DEFAULT = "default"
    STEADY = "steady"
    LIVELY = "lively"

    @property
    def temperature(self) -> float | None:
        """Randomness of the semantic tokens; None leaves it to the server's model."""
        return _TEMPERATURES.get(self)


_TEMPERATURES = MappingProxyType({Expression.STEADY: 0.6, Expression.LIVELY: 1.2})


@dataclass(frozen=True, slots=True)
class Manner:
    """How to speak and in which form. `language` is a code, `auto`, or empty for the voice's."""

    language: str = "auto"
    speed: float = 1.0
    expression: Expression = Expression.DEFAULT
    sound_format: SoundFormat = SoundFormat.MP3


@dataclass(frozen=True, slots=True)
class Settings:
    """One model of the workspace.

    `default_voice` is an id or empty. With `language_from_dify` the list of voices for a
    language of Dify's interface carries that language, and texts are read in it. `timeout_s`
    bounds how long the server may stay silent before the first sound, `pause_s` how long between
    two, and neither the whole speech.
    """

    endpoint: Endpoint
    default_voice: str = ""
    manner: Manner = Manner()
    language_from_dify: bool = False
    timeout_s: float = DEFAULT_TIMEOUT_S
    pause_s: float = DEFAULT_PAUSE_S


def read_settings(credentials: Mapping[str, object]) -> Settings:
    """Return the settings that the form's strings mean.

    Raises:
        SettingError: a field is missing or wrong.
    """
    language = text(credentials, "language") or "auto"
    return Settings(
        endpoint=read_endpoint(credentials),
        default_voice=voice_id(text(credentials, "default_voice")),
        manner=Manner(
            language=_language(language),
            speed=number(credentials, "speed", 1.0, SPEEDS),
            expression=choice(credentials, "expression", Expression.DEFAULT),
            sound_format=choice(credentials, "audio_format", SoundFormat.MP3),
        ),
        language_from_dify=language == LANGUAGE_FROM_DIFY,
        timeout_s=number(credentials, "timeout", DEFAULT_TIMEOUT_S, (1.0, 500.0)),
        pause_s=number(credentials, "longest_pause", DEFAULT_PAUSE_S, (1.0, 120.0)),
    )


def voice_id(voice: str) -> str:
    """Return the bare id of a voice that is given as `alice`, `voices/alice` or `alice@ja`."""
    return voice.strip().removeprefix("voices/").partition("@")[0]


def may_be_voice(voice: str) -> bool:
    """Return whether a server may have a voice of this id: another provider's look otherwise."""
    return _VOICE_ID.fullmatch(voice_id(voice)) is not None


def voice_language(voice: str) -> str:
    """Return the language that a voice of a list carries: `ja` of `alice@ja`, else empty."""
    return voice.strip().partition("@")[2]


def number(
    given: Mapping[str, object], name: str, default: float, limits: tuple[float, float]
) -> float:
    """Return the field `name` as a number within `limits`; `0,5` is one too.

    Raises:
        SettingError: it is none, or out of range.
    """
    written, (low, high) = text(given, name), limits
    try:
        value = float(_DECIMAL_COMMA.sub(r"\1.\2", written)) if written else default
    except ValueError:
        value = math.nan
    if not low <= value <= high:
        wanted = f"Enter a number from {low:g} to {high:g}."
        raise SettingError(name, f"The {label(name)} is {written!r}. {wanted}")
    return value


def _language(policy: str) -> str:
    """Return the code of a policy; what comes from Dify is guessed where Dify names none."""
    return {VOICE_OWN_LANGUAGE: "", LANGUAGE_FROM_DIFY: "auto"}.get(policy, policy)
