"""Sixty listeners at once."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

from tests.e2e.daemon import HEARTBEAT_S
from tests.e2e.dify import Dify, longest_stall_s
from tests.e2e.metronome import metronome
from tests.e2e.sessions import LineSide
from tests.plugin.sound import tone_mp3
from tests.plugin.speech_server import SpeechServer

LISTENERS = 60
LONGEST_STALL_S = 1.0
# A plugin that waits where it must not stands still every time, a busy machine now and then.
ATTEMPTS = 3


def serve_sixty_at_once(dify: Dify, server: SpeechServer) -> None:
    """Fail unless all hear all of it side by side, and no heartbeat stays away meanwhile."""
    server.behaviour.chunk_gap_s = 0.25
    stalls_s = []
    for _ in range(ATTEMPTS):
        stalls_s.append(_stall_s(dify))
        if stalls_s[-1] < HEARTBEAT_S + LONGEST_STALL_S:
            return
    raise AssertionError(f"without a heartbeat for {stalls_s} s")


def _stall_s(dify: Dify) -> float:
    """Have sixty listen at once; return how long the plugin stood still, less the machine."""
    began = time.monotonic()
    with metronome() as lateness_s, ThreadPoolExecutor(LISTENERS) as listeners:
        speeches = list(listeners.map(lambda _: dify.speak("Hello.", "amy"), range(LISTENERS)))
        took_s = time.monotonic() - began
        # Over HTTP there are no heartbeats; each request has its own connection.
        stands = longest_stall_s(dify.plugin, began) if isinstance(dify.plugin, LineSide) else 0.0
    assert all(speech.sound == tone_mp3(2.0) for speech in speeches)
    assert all(len(speech.piece_bytes) > 2 for speech in speeches), "not streamed"
    assert took_s < LISTENERS * 2.0 / 6, "one after the other"
    assert max(max(speech.waits_s[1:]) for speech in speeches) < 5.0
    return stands - max(lateness_s)
