"""How fast the engine is, measured while it works, and how long a text will take it.

Work is counted in bytes of text: in UTF-8 they follow the length of speech in every script (a
Chinese character has three and lasts three times as long as a letter).
"""

from __future__ import annotations

from collections.abc import Iterable

HALF_LIFE_S = 60.0  # of work; older measurements count less
ENOUGH_AUDIO_S = 5.0  # before that much was measured, nothing is foretold
USUAL_AUDIO_S_PER_BYTE = 0.065
USUAL_WEIGHT_BYTES = 300.0


class SpeedMeter:
    """Measures one engine. Written by the engine's thread, read by others."""

    def __init__(self) -> None:
        self._work_s = self._made_s = 0.0  # seconds of work, and of sound that came of them
        self._audio_s = USUAL_AUDIO_S_PER_BYTE * USUAL_WEIGHT_BYTES  # of finished texts
        self._bytes = USUAL_WEIGHT_BYTES

    def worked(self, work_s: float, audio_s: float) -> None:
        """Note that `work_s` of work made `audio_s` of sound."""
        kept = 0.5 ** (work_s / HALF_LIFE_S)
        self._work_s = self._work_s * kept + work_s
        self._made_s = self._made_s * kept + audio_s

    def finished(self, text_bytes: int, audio_s: float) -> None:
        """Note that a text became `audio_s` of sound."""
        kept = 0.5 ** (audio_s / HALF_LIFE_S)
        self._audio_s = self._audio_s * kept + audio_s
        self._bytes = self._bytes * kept + text_bytes

    @property
    def audio_s_per_byte(self) -> float:
        """How long a byte of text sounds."""
        return self._audio_s / self._bytes

    def time_for_s(self, text_bytes: float) -> float | None:
        """How long so much text keeps the engine busy; None while that is not known."""
        if self._made_s < ENOUGH_AUDIO_S:
            return None
        return text_bytes * self.audio_s_per_byte * self._work_s / self._made_s


def shared_work(own_bytes: float, others: Iterable[float]) -> float:
    """How much is done until `own_bytes` are, when all of them get an equal share of the work."""
    return own_bytes + sum(min(own_bytes, other) for other in others)
