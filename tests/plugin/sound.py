"""MP3 made and read with PyAV, for tests."""

from __future__ import annotations

import functools
import io

import av
import numpy as np

RATE_HZ = 32_000

# Bit rates of layer III by index, in MPEG-1 and in MPEG-2.
_KBIT_S_1 = (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
_KBIT_S_2 = (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)


@functools.cache
def tone_mp3(duration_s: float) -> bytes:
    """Return raw MP3 frames of a 440 Hz tone."""
    times = np.arange(int(duration_s * RATE_HZ)) / RATE_HZ
    samples = (0.3 * np.sin(2 * np.pi * 440 * times)).astype(np.float32)
    encoder = av.CodecContext.create("libmp3lame", "w")
    encoder.sample_rate, encoder.layout, encoder.format = RATE_HZ, "mono", "fltp"
    encoder.bit_rate = 64_000
    encoder.open()
    frames = []
    for start in range(0, len(samples), 1152):
        piece = np.zeros((1, 1152), np.float32)
        part = samples[start : start + 1152]
        piece[0, : len(part)] = part
        frame = av.AudioFrame.from_ndarray(piece, format="fltp", layout="mono")
        frame.sample_rate, frame.pts = RATE_HZ, start
        frames.append(frame)
    packets = [packet for frame in (*frames, None) for packet in encoder.encode(frame)]
    return b"".join(bytes(packet) for packet in packets)


def decode_mp3(data: bytes) -> tuple[np.ndarray, int]:
    """Return the samples [T] and rate of an MP3 file's bytes."""
    with av.open(io.BytesIO(data), format="mp3") as container:
        frames = list(container.decode(audio=0))
    samples = np.concatenate([frame.to_ndarray().mean(axis=0) for frame in frames])
    return samples, frames[0].sample_rate


def is_bare_mp3(data: bytes) -> bool:
    """Return whether `data` is nothing but whole frames, with no tag and no table of seeks."""
    start = 0
    while start < len(data):
        size = _frame_bytes(data[start : start + 4])
        frame = data[start : start + size] if size else b""
        if len(frame) < max(size, 1) or b"Xing" in frame[:48] or b"Info" in frame[:48]:
            return False
        start += size
    return bool(data)


def _frame_bytes(header: bytes) -> int:
    """Return the size of the layer III frame that `header` begins, 0 if it begins none."""
    if len(header) < 4 or header[0] != 0xFF or header[1] & 0xE6 != 0xE2:
        return 0
    first_version = bool(header[1] & 0x08)
    rate_index, bits = header[2] >> 4, header[2] >> 2 & 3
    if not 0 < rate_index < 15 or bits == 3:
        return 0
    kbit_s = (_KBIT_S_1 if first_version else _KBIT_S_2)[rate_index]
    halvings = {3: 0, 2: 1, 0: 2}[header[1] >> 3 & 3]
    rate_hz = (44_100, 48_000, 32_000)[bits] >> halvings
    samples = 1152 if first_version else 576
    return samples // 8 * kbit_s * 1000 // rate_hz + (header[2] >> 1 & 1)


def loudness(samples: np.ndarray) -> float:
    """Return the root mean square."""
    return float(np.sqrt(np.mean(np.square(samples, dtype=np.float64))))
