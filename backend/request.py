"""What the server knows of the request at hand, for its log and for its error details."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from engine.types import Finding

_CURRENT: ContextVar[RequestRecord] = ContextVar("request")


@dataclass(slots=True)
class RequestRecord:
    """Facts of one RPC, gathered while it runs; never its text or its sound.

    `field_root` is the path of the message whose fields the engine's errors name, `field_paths`
    has those that lie or are called otherwise; `caller` tells the keys apart without naming them.
    """

    request_id: str
    method: str
    started_s: float = field(default_factory=time.monotonic)
    field_root: str = ""
    field_paths: Mapping[str, str] = field(default_factory=dict)
    caller: str = ""
    voice: str = ""
    characters: int = 0
    audio_s: float = 0.0
    first_chunk_s: float | None = None
    reason: str = ""
    findings: tuple[Finding, ...] = ()

    def elapsed_s(self) -> float:
        """Return the time since the request arrived."""
        return time.monotonic() - self.started_s

    def mark_audio(self) -> None:
        """Note that encoded sound leaves now; only the first call counts."""
        if self.first_chunk_s is None:
            self.first_chunk_s = self.elapsed_s()

    @property
    def real_time_factor(self) -> float | None:
        """Seconds of work per second of sound; None before there is any."""
        return self.elapsed_s() / self.audio_s if self.audio_s else None


def current_request() -> RequestRecord:
    """Return the record of the RPC that the calling task serves.

    Raises:
        LookupError: the caller does not serve an RPC.
    """
    return _CURRENT.get()


def begin_request(record: RequestRecord) -> None:
    """Make `record` the one that `current_request` returns in this task."""
    _CURRENT.set(record)
