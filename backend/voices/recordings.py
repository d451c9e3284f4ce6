"""Recordings as files: any format comes in, one plain format is kept.

What users send is decoded and written anew, so nothing but its sound is stored.
"""

from __future__ import annotations

from pathlib import Path

from backend.encoding.level import to_int16
from backend.encoding.wav import wav_header
from backend.errors import ConsentRequiredError
from backend.voices.submission import check_consent
from engine.audio.files import AudioLimits, decode
from engine.errors import ReferenceAudioError
from engine.types import Audio

MAX_RECORDING_S = 120.0


def read_recording(data: bytes) -> Audio:
    """Return the sound of an audio file.

    Raises:
        ReferenceAudioError: it cannot be decoded, or lasts longer than two minutes.
    """
    return decode(data, AudioLimits(max_s=MAX_RECORDING_S))


def read_consent(data: bytes) -> Audio:
    """Return the sound of a recorded consent.

    Raises:
        ConsentRequiredError: it cannot be decoded, is longer than two minutes, too short or silent.
    """
    try:
        consent = read_recording(data)
    except ReferenceAudioError as error:
        raise ConsentRequiredError(f"the recorded consent: {error}") from error
    check_consent(consent)
    return consent


def write_recording(audio: Audio, path: Path) -> None:
    """Write `audio` as a 16-bit WAV file."""
    samples = to_int16(audio.samples).astype("<i2").tobytes()
    path.write_bytes(wav_header(audio.sample_rate_hz, len(samples)) + samples)
