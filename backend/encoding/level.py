"""From float sound to 16-bit samples, without a wrap and without a hard edge."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

KNEE = 0.9


def soft_limit(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return samples within (-1, 1); those below the knee are untouched.

    Above the knee k the level bends as k + (1 - k) tanh((x - k) / (1 - k)): its slope is 1 at
    the knee, and it never reaches 1.
    """
    level = np.abs(samples)
    room = np.float32(1.0 - KNEE)
    bent = KNEE + room * np.tanh((level - KNEE) / room)
    return np.where(level <= KNEE, samples, np.copysign(bent, samples)).astype(np.float32)


def to_int16(samples: NDArray[np.float32]) -> NDArray[np.int16]:
    """Return float samples as 16-bit ones, softly limited."""
    return np.rint(soft_limit(samples) * 32767.0).astype(np.int16)
