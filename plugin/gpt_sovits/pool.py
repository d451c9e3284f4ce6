"""The connections of this process, one for each endpoint.

Dify makes a new model object for every request, so what should outlive a request lives here.
"""

from __future__ import annotations

import functools
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from plugin.gpt_sovits.connection import Connection
from plugin.gpt_sovits.endpoint import Endpoint
from plugin.gpt_sovits.errors import RequestError, VoiceUnknownError
from plugin.gpt_sovits.settings import may_be_voice, voice_id
from plugin.gpt_sovits.voices import VoiceCatalogue, likely_language, most_native

# Longer than any call may take, so that what is closed is never in use.
IDLE_S = 3600.0


@dataclass(slots=True)
class Server:
    """A speech server as this process knows it."""

    connection: Connection
    voices: VoiceCatalogue
    used_at: float

    def choose_voice(self, wanted: str, default: str, words: str, language: str) -> str:
        """Return the voice to speak in: the wanted one, else the default one, else a native one.

        That is the first whose own language `words` are in, else one that speaks it too, else the
        first of all; `language` is theirs as the settings name it.
        An id that can be none, such as that of another provider's voice in an old app, is refused
        here; of others the server says whether it has them.

        Raises:
            VoiceUnknownError: with the voices that there are.
            TtsError: they cannot be asked for, or there are none.
        """
        chosen = wanted.strip() or default
        if chosen and may_be_voice(chosen):
            return chosen
        entries = self.voices.recent()
        if not entries:
            raise RequestError("The speech server has no voices yet. Create one first.")
        if not chosen:
            return most_native(entries, likely_language(words, language)).voice_id
        known = [each.voice_id for each in entries]
        if voice_id(chosen) not in known:
            raise VoiceUnknownError(
                f"The speech server has no voice {chosen!r}. Choose one of: {', '.join(known)}."
            )
        return chosen


class ServerPool:
    """Servers by endpoint; one that was not used for `IDLE_S` is forgotten."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._servers: dict[Endpoint, Server] = {}

    def get(self, endpoint: Endpoint) -> Server:
        """Return the server at `endpoint`, the same one every time."""
        now = self._clock()
        with self._lock:
            self._forget_idle(now)
            server = self._servers.get(endpoint)
            if server is None:
                connection = Connection(endpoint)
                server = Server(connection, VoiceCatalogue(connection), now)
                self._servers[endpoint] = server
            server.used_at = now
            return server

    def close(self) -> None:
        """Close all connections."""
        with self._lock:
            for server in self._servers.values():
                server.connection.close()
            self._servers.clear()

    def _forget_idle(self, now: float) -> None:
        idle = [key for key, server in self._servers.items() if now - server.used_at > IDLE_S]
        for endpoint in idle:
            self._servers.pop(endpoint).connection.close()


@functools.cache
def shared_pool() -> ServerPool:
    """Return the pool of this process, made at the first call."""
    return ServerPool()
