"""What Dify asks of a text-to-speech plugin."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import pytest

from tests.e2e.sessions import LineSide, PluginError, PluginSide


@dataclass(frozen=True, slots=True)
class Speech:
    """What arrived: the sound, its declared types, the pieces' sizes, the wait for each."""

    sound: bytes
    mime_types: frozenset[str]
    piece_bytes: tuple[int, ...]
    waits_s: tuple[float, ...]

    @property
    def first_piece_s(self) -> float:
        """The wait for the first piece."""
        return self.waits_s[0]


@dataclass(frozen=True, slots=True)
class Dify:
    """The calls that Dify makes for one model of a workspace."""

    plugin: PluginSide
    credentials: Mapping[str, str]

    def with_credentials(self, **changes: str) -> Dify:
        """Return the same workspace with other credentials."""
        return Dify(self.plugin, {**self.credentials, **changes})

    def speak(self, text: str, voice: str) -> Speech:
        """Have a text spoken."""
        pieces, types, waits_s = [], set(), []
        before = time.monotonic()
        answers = self._invoke("invoke_tts", content_text=text, voice=voice, tenant_id="tenant")
        for answer in answers:
            now = time.monotonic()
            waits_s.append(now - before)
            before = now
            pieces.append(bytes.fromhex(answer["result"]))
            types.add(answer.get("mime_type", ""))
        sizes = tuple(map(len, pieces))
        return Speech(b"".join(pieces), frozenset(types), sizes, tuple(waits_s))

    def pieces(self, text: str, voice: str) -> Iterator[bytes]:
        """Have a text spoken; yield its sound as it comes."""
        answers = self._invoke("invoke_tts", content_text=text, voice=voice, tenant_id="tenant")
        return (bytes.fromhex(answer["result"]) for answer in answers)

    def voices(self, language: str | None) -> list[dict[str, str]]:
        """List the voices for a language of the interface."""
        [answer] = self._invoke("get_tts_model_voices", language=language)
        return answer["voices"]

    def schema(self) -> dict[str, Any]:
        """Describe the model."""
        [answer] = self._invoke("get_ai_model_schemas")
        return answer["model_schema"]

    def validate(self) -> bool:
        """Check the credentials."""
        [answer] = self._invoke("validate_model_credentials")
        return answer["result"]

    def _invoke(self, action: str, **data: Any) -> Any:
        return self.plugin.invoke(
            action,
            provider="gpt_sovits",
            model_type="tts",
            model="my-voices",
            credentials=dict(self.credentials),
            **data,
        )


def failure(call: Callable[..., object], *arguments: object) -> PluginError:
    """Return the error that a call ends with."""
    with pytest.raises(PluginError) as caught:
        call(*arguments)
    return caught.value


def longest_stall_s(plugin: LineSide, since: float) -> float:
    """Return the longest time without a heartbeat since then."""
    beats = [since, *(beat for beat in plugin.heartbeats if beat > since), time.monotonic()]
    return max(after - before for before, after in pairwise(beats))
