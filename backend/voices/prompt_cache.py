"""The voice prompts that were used last, kept in memory."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable

from engine.types import VoicePrompt

DEFAULT_SIZE = 64


class PromptCache:
    """Keeps the `size` prompts that were used last. Safe to call from any thread."""

    def __init__(self, size: int = DEFAULT_SIZE) -> None:
        self._size = size
        self._prompts: OrderedDict[str, VoicePrompt] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: str, load: Callable[[], VoicePrompt]) -> VoicePrompt:
        """Return the prompt of `key`, loaded now if it is not here."""
        with self._lock:
            if key in self._prompts:
                self._prompts.move_to_end(key)
                return self._prompts[key]
        prompt = load()
        with self._lock:
            self._prompts[key] = prompt
            while len(self._prompts) > self._size:
                self._prompts.popitem(last=False)
        return prompt

    def drop(self, key: str) -> None:
        """Forget a prompt."""
        with self._lock:
            self._prompts.pop(key, None)
