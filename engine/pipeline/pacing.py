"""Whose work comes first: the stream whose listener would run dry soonest.

Sound is due when the listener has played all that came before it; the first sound is due soon
after the request. The work that is left until then takes time, so it has a latest beginning, and
the earliest of these goes first. Of those that are too late already it is the one whose sound is
due first: were they to share, all of them would come last. Nothing is done for a stream that is
far ahead while another one needs it; when nobody does, all go on as fast as the machine can.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

FIRST_SOUND_S = 0.1
PATIENCE_S = 10.0  # of a request in the background, as if its first sound were due then
MEMORY = 0.9  # of the measured speeds, for each new measurement


@dataclass(frozen=True, slots=True)
class Outlay:
    """What a stream needs until its next sound: `tokens` to make, and `sounded` ones to decode."""

    tokens: int
    sounded: int


class Paced(Protocol):
    """A stream, as far as its urgency goes."""

    due_s: float

    @property
    def outlay(self) -> Outlay:
        """What must be done for the next sound."""
        ...


def first_due_s(now_s: float, *, background: bool) -> float:
    """When the first sound of a request that comes now is due."""
    return now_s + (PATIENCE_S if background else FIRST_SOUND_S)


class Pace:
    """Measures the work and ranks streams by their slack."""

    def __init__(self) -> None:
        self._token_s = self._sounded_s = 0.0

    def made_tokens(self, work_s: float) -> None:
        """Note how long one token for every row took."""
        self._token_s = _mixed(self._token_s, work_s)

    def sounded(self, tokens: int, work_s: float) -> None:
        """Note how long it took to decode as many tokens."""
        self._sounded_s = _mixed(self._sounded_s, work_s / max(1, tokens))

    def decoding_s(self, stream: Paced) -> float:
        """How long its next piece will take."""
        return stream.outlay.sounded * self._sounded_s

    def urgency(self, stream: Paced, now_s: float) -> tuple[float, float]:
        """What comes first of two: the lesser; when work must begin, and when sound is due."""
        outlay = stream.outlay
        work_s = outlay.tokens * self._token_s + outlay.sounded * self._sounded_s
        return max(now_s, stream.due_s - work_s), stream.due_s


def _mixed(known_s: float, newest_s: float) -> float:
    return MEMORY * known_s + (1 - MEMORY) * newest_s if known_s else newest_s
