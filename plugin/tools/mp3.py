"""How long a file of bare MP3 frames plays, counted from its headers.

A file is a little longer than the sound in it: encoders begin with a delay and fill the last
frame. Where files are joined, that counts.
"""

from __future__ import annotations

from plugin.gpt_sovits.errors import ServerFailedError

# Bit rates of layer III by index, in kbit/s: of MPEG-1, and of MPEG-2 and 2.5.
_RATES_1 = (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
_RATES_2 = (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)
_SAMPLE_RATES_HZ = (44_100, 48_000, 32_000)
_HALVINGS = {3: 0, 2: 1, 0: 2}  # of the sample rate, by the version's two bits


def mp3_duration_s(data: bytes) -> float:
    """Return how long `data` plays.

    Raises:
        ServerFailedError: it is something else than whole MP3 frames.
    """
    start, duration_s = 0, 0.0
    while start < len(data):
        frame_bytes, frame_s = _frame(data[start : start + 4])
        start, duration_s = start + frame_bytes, duration_s + frame_s
    if start != len(data):
        raise _damaged()
    return duration_s


def _frame(header: bytes) -> tuple[int, float]:
    """Return the bytes and seconds of the frame that `header` begins."""
    if len(header) < 4 or header[0] != 0xFF or header[1] & 0xE6 != 0xE2:  # sync, layer III
        raise _damaged()
    version, rate, sampling = header[1] >> 3 & 3, header[2] >> 4, header[2] >> 2 & 3
    if version not in _HALVINGS or not 0 < rate < 15 or sampling == 3:
        raise _damaged()
    first_version = version == 3
    samples = 1152 if first_version else 576
    sample_rate_hz = _SAMPLE_RATES_HZ[sampling] >> _HALVINGS[version]
    kbit_s = (_RATES_1 if first_version else _RATES_2)[rate]
    padding = header[2] >> 1 & 1
    return samples // 8 * kbit_s * 1000 // sample_rate_hz + padding, samples / sample_rate_hz


def _damaged() -> ServerFailedError:
    return ServerFailedError(
        "The speech server sent an MP3 file that cannot be joined with others. Choose WAV, and "
        "see whether the server is of this plugin's version."
    )
