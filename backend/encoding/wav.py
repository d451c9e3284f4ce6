"""RIFF/WAVE with 16-bit mono samples."""

from __future__ import annotations

import struct

import numpy as np
from numpy.typing import NDArray

UNKNOWN_LENGTH = 0xFFFFFFFF
_HEADER_BYTES_AFTER_RIFF_SIZE = 36


class WavCodec:
    """Writes a header that declares an unknown length, then samples."""

    def __init__(self, rate_hz: int) -> None:
        self._pending_header = wav_header(rate_hz, None)

    def feed(self, samples: NDArray[np.int16]) -> bytes:
        """Return the bytes of `samples` [T], the first time after the header."""
        header, self._pending_header = self._pending_header, b""
        return header + samples.astype("<i2").tobytes()

    def finish(self) -> bytes:
        """Return the header if no sample ever came."""
        return self._pending_header


def wav_header(rate_hz: int, data_bytes: int | None) -> bytes:
    """Return the 44 bytes before the samples; None declares an unknown length."""
    riff_bytes = UNKNOWN_LENGTH
    if data_bytes is not None:
        riff_bytes = data_bytes + _HEADER_BYTES_AFTER_RIFF_SIZE
    else:
        data_bytes = UNKNOWN_LENGTH
    sound = struct.pack("<IHHIIHH", 16, 1, 1, rate_hz, rate_hz * 2, 2, 16)
    head = struct.pack("<4sI4s4s", b"RIFF", riff_bytes, b"WAVE", b"fmt ")
    return head + sound + struct.pack("<4sI", b"data", data_bytes)


def wav_file(stream: bytes) -> bytes:
    """Return a finished WAV stream of ours with its true lengths in the header."""
    header, samples = stream[:44], stream[44:]
    (rate_hz,) = struct.unpack_from("<I", header, 24)
    return wav_header(rate_hz, len(samples)) + samples
