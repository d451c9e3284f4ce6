"""MP3 made and read with PyAV, for tests."""

from __future__ import annotations

import functools
import io

import av
import numpy as np

RATE_HZ = 32_000


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


def loudness(samples: np.ndarray) -> float:
    """Return the root mean square."""
    return float(np.sqrt(np.mean(np.square(samples, dtype=np.float64))))
