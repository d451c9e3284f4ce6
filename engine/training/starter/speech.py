"""Free synthesizers as sources of speech: flite for English, espeak-ng for Mandarin.

Both tell when each of their phones begins and ends, which gives the content encoder its targets.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Protocol

import numpy as np
import soundfile
import soxr

from engine.errors import MissingDependencyError, SynthesisError
from engine.types import Audio, Samples

SAMPLE_RATE_HZ = 16000
PEAK = 0.6
PAUSE = "pau"


@dataclass(frozen=True, slots=True)
class Spoken:
    """Speech at 16 kHz and its phones: (name, end in seconds), in order."""

    audio: Audio
    phones: tuple[tuple[str, float], ...]


class SpeechSource(Protocol):
    """A synthesizer with one voice.

    Attributes:
        parallel: whether several threads may call it at a time.
    """

    parallel: ClassVar[bool]

    def speak(self, text: str) -> Spoken:
        """Speak `text`. Raises SynthesisError when the synthesizer fails."""
        ...


class FliteVoice:
    """English by flite's `slt`, `rms`, `awb` or `kal16`, a process for each text."""

    parallel: ClassVar = True

    def __init__(self, voice: str) -> None:
        self.voice = voice
        path = shutil.which("flite")
        if path is None:
            raise MissingDependencyError("flite", "install it, on Debian: apt install flite")
        self.path = path

    def speak(self, text: str) -> Spoken:
        """Speak English `text`."""
        with tempfile.TemporaryDirectory() as folder:
            wav = Path(folder) / "speech.wav"
            arguments = ["-voice", self.voice, "-psdur", "-t", text, "-o", str(wav)]
            done = subprocess.run(
                [self.path, *arguments], check=False, capture_output=True, text=True
            )
            if done.returncode:
                raise SynthesisError(f"flite failed with status {done.returncode}")
            samples, rate = soundfile.read(wav, dtype="float32")
        pairs = (item.rsplit(":", 1) for item in done.stdout.split())
        phones = tuple((name, float(end)) for name, end in pairs)
        return Spoken(Audio(_normalized(samples, rate), SAMPLE_RATE_HZ), phones)


class _EventId(ctypes.Union):
    _fields_: ClassVar = [("number", ctypes.c_int), ("string", ctypes.c_char * 8)]


class _Event(ctypes.Structure):
    """`espeak_EVENT` of speak_lib.h."""

    _fields_: ClassVar = [
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", _EventId),
    ]


type Samples16 = ctypes._Pointer[ctypes.c_short]
type Events = ctypes._Pointer[_Event]

_CALLBACK = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event)
)
_SYNCHRONOUS, _PHONEME_EVENTS, _PHONEME, _UTF8 = 2, 1, 7, 1


class EspeakVoice:
    """Any espeak-ng voice, by its C library. One instance at a time: the library has one state."""

    parallel: ClassVar = False

    def __init__(self, voice: str) -> None:
        name = ctypes.util.find_library("espeak-ng")
        if name is None:
            raise MissingDependencyError(
                "espeak-ng", "install it, on Debian: apt install espeak-ng"
            )
        self.library = ctypes.CDLL(name)
        self.rate = self.library.espeak_Initialize(_SYNCHRONOUS, 0, None, _PHONEME_EVENTS)
        self.blocks: list[Samples] = []
        self.starts: list[tuple[str, float]] = []
        self.callback = _CALLBACK(self._collect)  # must outlive the library's use of it
        self.library.espeak_SetSynthCallback(self.callback)
        if self.library.espeak_SetVoiceByName(voice.encode()):
            raise SynthesisError(f"espeak-ng has no voice {voice!r}")

    def speak(self, text: str) -> Spoken:
        """Speak `text`, in the script that the voice reads."""
        self.blocks, self.starts = [], []
        data = text.encode()
        failed = self.library.espeak_Synth(data, len(data) + 1, 0, 0, 0, _UTF8, None, None)
        if failed or not self.blocks:
            raise SynthesisError(f"espeak-ng failed with status {failed}")
        samples = np.concatenate(self.blocks)
        ends = [start for _, start in self.starts[1:]] + [len(samples) / self.rate]
        phones = tuple((name, end) for (name, _), end in zip(self.starts, ends, strict=True))
        return Spoken(Audio(_normalized(samples, self.rate), SAMPLE_RATE_HZ), phones)

    def _collect(self, wave: Samples16, n: int, events: Events) -> int:
        if n > 0:
            block = np.ctypeslib.as_array(wave, (n,)).astype(np.float32) / np.float32(32768)
            self.blocks.append(block)
        i = 0
        while events[i].type:
            event = events[i]
            if event.type == _PHONEME:
                name = event.id.string.decode("utf-8", "replace")
                self.starts.append((_pause_or(name), event.audio_position / 1000))
            i += 1
        return 0


def _pause_or(name: str) -> str:
    return PAUSE if name.startswith("_") or not name else name


def _normalized(samples: Samples, rate: int) -> Samples:
    """Resample to 16 kHz and scale to one peak."""
    resampled = soxr.resample(samples, rate, SAMPLE_RATE_HZ, quality="HQ")
    peak = float(np.abs(resampled).max())
    if peak < 1e-3:
        raise SynthesisError("a synthesizer gave silence")
    return (resampled * (PEAK / peak)).astype(np.float32)
