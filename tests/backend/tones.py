"""A stand-in for the engine that makes tones: no models, the same interface.

A text becomes one chunk of 0.1 s for every five characters; the pitch tells the voices apart.
The text `[fault]` breaks the engine, `[bug]` fails by a fault of a model, `[mute]` like models
that gave no speech, `[unread]` like words that nobody reads.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np
import torch

from engine.errors import (
    EmptyTextError,
    EngineError,
    ModelError,
    SynthesisError,
    UnreadableTextError,
    UnsupportedLanguageError,
)
from engine.text.tokens import spoken_tokens
from engine.types import (
    Audio,
    AudioChunk,
    Finding,
    Flaw,
    SentenceTiming,
    SpokenEnd,
    SynthesisRequest,
    TimedText,
    TimestampDetail,
    VoicePrompt,
)
from engine.voices.fitting import fit_transcribed

RATE_HZ = 32000
CHUNK_SAMPLES = RATE_HZ // 10
CHARACTERS_PER_CHUNK = 5
BUILTIN_PITCH_HZ = 440


def tone_prompt(pitch_hz: int, language: str = "en") -> VoicePrompt:
    """Return a prompt whose only meaning is the pitch of its voice."""
    return VoicePrompt(
        language=language,
        semantic_tokens=torch.tensor([pitch_hz]),
        phoneme_ids=torch.tensor([1]),
        bert_features=None,
        reference_spectrograms=(torch.zeros(2, 3),),
    )


@dataclass(frozen=True)
class ToneVoice:
    """A builtin voice."""

    voice_id: str
    display_name: str
    description: str
    language: str
    prompt: VoicePrompt


@dataclass(frozen=True)
class ToneBundle:
    """Weights that are not there; references give the pitch of their loudest partial."""

    name: str = "tones"
    sample_rate_hz: int = RATE_HZ
    languages: tuple[str, ...] = ("en", "zh")
    mapped_languages: tuple[str, ...] = ()
    revision: str = "first"

    @property
    def readers(self) -> Mapping[str, str]:
        """What reads each language."""
        return dict.fromkeys(self.languages, "tones")

    @property
    def builtin_voices(self) -> Mapping[str, ToneVoice]:
        """One voice, `alto`."""
        language = self.languages[0]
        prompt = tone_prompt(BUILTIN_PITCH_HZ, language)
        return MappingProxyType({"alto": ToneVoice("alto", "Alto", "A tone.", language, prompt)})

    def create_prompt(self, reference: Audio, transcript: str, language: str) -> VoicePrompt:
        """Return a voice as high as the reference."""
        if not transcript.strip():
            raise EmptyTextError("the transcript is empty")
        reference, _ = fit_transcribed(reference, transcript, len)
        return tone_prompt(round(pitch_hz(reference.samples, reference.sample_rate_hz)), language)


@dataclass(frozen=True)
class ToneEvent:
    """What happened to one stream in one step."""

    stream_id: int
    chunk: AudioChunk | None
    done: bool
    error: EngineError | None
    seed: int
    findings: tuple[Finding, ...] = ()
    end: SpokenEnd | None = None


@dataclass
class _Tone:
    request: SynthesisRequest
    left: int
    position: int = 0
    paused: bool = False


@dataclass
class ToneScheduler:
    """Makes one chunk per live stream and step. Steps wait while `gate` is closed.

    `wave` makes the samples, a tone unless a test wants something else.
    """

    max_streams: int = 16
    languages: tuple[str, ...] = ("en", "zh")
    gate: threading.Event = field(default_factory=threading.Event)
    steps: int = 0
    made_chunks: int = 0
    admitted: list[SynthesisRequest] = field(default_factory=list)
    wave: Callable[[SynthesisRequest, int], np.ndarray] = field(default_factory=lambda: sine)
    _tones: dict[int, _Tone] = field(default_factory=dict)
    _next_id: int = 0

    def __post_init__(self) -> None:
        self.gate.set()

    @property
    def live(self) -> int:
        """Streams that are admitted and not done."""
        return len(self._tones)

    def admit(self, request: SynthesisRequest) -> int:
        """Take a request."""
        rivals = [
            tone
            for tone in self._tones.values()
            if not tone.paused and (request.background or not tone.request.background)
        ]
        assert len(rivals) < self.max_streams, "the backend must not admit more than this"
        if request.language not in self.languages:
            raise UnsupportedLanguageError(request.language, self.languages)
        if not any(character.isalnum() for character in request.text):
            raise EmptyTextError("nothing in the text can be spoken")
        self._next_id += 1
        self.admitted.append(request)
        chunks = -(-len(request.text) // CHARACTERS_PER_CHUNK)
        self._tones[self._next_id] = _Tone(request, chunks)
        return self._next_id

    def cancel(self, stream_id: int) -> None:
        """Forget a stream."""
        self._tones.pop(stream_id, None)

    def pause(self, stream_id: int) -> None:
        """Make no chunks of a stream for now."""
        self._tones[stream_id].paused = True

    def resume(self, stream_id: int) -> None:
        """Go on with a stream."""
        self._tones[stream_id].paused = False

    def step(self) -> list[ToneEvent]:
        """Make the next chunk of every stream that is not paused."""
        self.gate.wait(timeout=10)
        self.steps += 1
        live = [(stream_id, tone) for stream_id, tone in self._tones.items() if not tone.paused]
        return [self._advance(stream_id, tone) for stream_id, tone in live]

    def _advance(self, stream_id: int, tone: _Tone) -> ToneEvent:
        if "[fault]" in tone.request.text:
            raise RuntimeError("the tone generator is broken")
        if "[bug]" in tone.request.text:
            del self._tones[stream_id]
            return ToneEvent(stream_id, None, True, ModelError("the models failed"), 0)
        if "[mute]" in tone.request.text:
            del self._tones[stream_id]
            return ToneEvent(stream_id, None, True, SynthesisError("no speech came"), 0)
        if "[unread]" in tone.request.text:
            del self._tones[stream_id]
            error = UnreadableTextError("[unread]", ["Runic"], self.languages)
            told = (Finding(0, Flaw.EMPTY, 0, resolved=False, left_out="[unread]"),)
            return ToneEvent(stream_id, None, True, error, 0, told)
        samples, start = self.wave(tone.request, tone.position), tone.position
        tone.position += CHUNK_SAMPLES
        tone.left -= 1
        chunk = AudioChunk(samples, RATE_HZ, start, 0, None if tone.left else _timing(tone))
        self.made_chunks += 1
        if not tone.left:
            del self._tones[stream_id]
        end = None if tone.left else SpokenEnd(None, float(self.steps))
        seed = tone.request.options.seed or 7
        return ToneEvent(stream_id, chunk, not tone.left, None, seed, end=end)


def pitch_hz(samples: np.ndarray, rate_hz: int) -> float:
    """Return the frequency of the loudest partial."""
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    return float(spectrum.argmax() * rate_hz / len(samples))


def sine(request: SynthesisRequest, position: int) -> np.ndarray:
    """Return the next chunk of a request's tone, which begins at sample `position`."""
    pitch = int(request.voice.semantic_tokens[0])
    time_s = (position + np.arange(CHUNK_SAMPLES)) / RATE_HZ
    return (0.5 * np.sin(2 * np.pi * pitch * time_s)).astype(np.float32)


def _timing(tone: _Tone) -> SentenceTiming | None:
    """All words last equally long."""
    request, length_s = tone.request, tone.position / RATE_HZ
    if request.timestamps is TimestampDetail.NONE:
        return None
    tokens = spoken_tokens(request.text)
    word_s = length_s / len(tokens)
    units = tuple(
        TimedText(token.text, token.start, token.end, i * word_s, (i + 1) * word_s)
        for i, token in enumerate(tokens)
    )
    whole = TimedText(request.text.strip(), tokens[0].start, tokens[-1].end, 0.0, length_s)
    return SentenceTiming(whole, units)
