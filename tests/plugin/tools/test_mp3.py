"""The length of bare MP3 frames."""

from __future__ import annotations

import numpy as np
import pytest

from backend.encoding.mp3 import RATES_HZ, Mp3Codec
from plugin.gpt_sovits.audio import silent_mp3
from plugin.gpt_sovits.errors import ServerFailedError
from plugin.tools.mp3 import mp3_duration_s
from tests.plugin.sound import decode_mp3, tone_mp3


@pytest.mark.parametrize("rate_hz", RATES_HZ)
def test_it_is_as_long_as_a_decoder_makes_it(rate_hz: int) -> None:
    codec = Mp3Codec(rate_hz)
    data = b"".join(codec.feed(np.zeros(576, np.int16)) for _ in range(200)) + codec.finish()
    samples, decoded_hz = decode_mp3(data)
    assert mp3_duration_s(data) == pytest.approx(len(samples) / decoded_hz, abs=1e-6)


def test_silence_of_our_own_counts_too() -> None:
    assert mp3_duration_s(silent_mp3(0.35)) == pytest.approx(0.36)
    assert mp3_duration_s(b"") == 0.0


@pytest.mark.parametrize("data", [b"RIFF1234", tone_mp3(0.5)[:-1], b"ID3" + tone_mp3(0.5), b"\xff"])
def test_what_is_not_whole_frames_is_refused(data: bytes) -> None:
    with pytest.raises(ServerFailedError, match="cannot be joined"):
        mp3_duration_s(data)
