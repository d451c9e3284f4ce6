"""A bounded queue between tasks that make messages and the one that sends them."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator


class Outbox[T]:
    """Keeps up to `limit` messages; whoever makes more of them waits.

    Iterate it for the messages. Iteration ends with `end`, after what is still inside; with an
    error it raises that at once.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._messages: deque[T] = deque()
        self._news, self._room = asyncio.Event(), asyncio.Event()
        self._ended = False
        self._error: BaseException | None = None

    async def put(self, message: T) -> None:
        """Add a message as soon as there is room; after the end it is dropped."""
        while len(self._messages) >= self._limit and not self._ended:
            self._room.clear()
            await self._room.wait()
        if not self._ended:
            self._messages.append(message)
            self._news.set()

    def end(self, error: BaseException | None = None) -> None:
        """Let nothing follow; only the first call counts."""
        if not self._ended:
            self._ended, self._error = True, error
        self._news.set()
        self._room.set()

    async def __aiter__(self) -> AsyncGenerator[T]:
        while True:
            while not self._messages and not self._ended:
                self._news.clear()
                await self._news.wait()
            if self._error is not None:
                raise self._error
            if not self._messages:
                return
            message = self._messages.popleft()
            self._room.set()
            yield message
