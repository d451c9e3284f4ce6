"""Requests for speech: what is to be said, by whom, how, and in which form."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

from gptsovits.tts.v1 import audio_pb2, timestamps_pb2, tts_pb2

from backend.convert.fields import check_range, known, to_voice_id
from backend.encoding import Encoding, check_rate
from backend.errors import InvalidFieldError
from engine.errors import EmptyTextError, TextTooLongError
from engine.text.clauses import ClauseRules
from engine.text.subtitles import SubtitleFormat
from engine.types import Pronunciation, SynthesisOptions, TimestampDetail

_ENCODINGS: Mapping[int, Encoding] = MappingProxyType(
    {
        audio_pb2.AUDIO_ENCODING_UNSPECIFIED: Encoding.MP3,
        audio_pb2.AUDIO_ENCODING_MP3: Encoding.MP3,
        audio_pb2.AUDIO_ENCODING_WAV: Encoding.WAV,
        audio_pb2.AUDIO_ENCODING_PCM: Encoding.PCM,
    }
)
_DETAILS: Mapping[int, TimestampDetail] = MappingProxyType(
    {
        timestamps_pb2.TIMESTAMP_DETAIL_UNSPECIFIED: TimestampDetail.NONE,
        timestamps_pb2.TIMESTAMP_DETAIL_WORD: TimestampDetail.WORD,
        timestamps_pb2.TIMESTAMP_DETAIL_CHARACTER: TimestampDetail.CHARACTER,
    }
)
_SUBTITLE_FORMATS: Mapping[int, SubtitleFormat | None] = MappingProxyType(
    {
        timestamps_pb2.SUBTITLE_FORMAT_UNSPECIFIED: None,
        timestamps_pb2.SUBTITLE_FORMAT_SRT: SubtitleFormat.SRT,
        timestamps_pb2.SUBTITLE_FORMAT_WEBVTT: SubtitleFormat.WEBVTT,
    }
)
DEFAULT_MAX_DELAY_S = 0.5
MAX_PRONUNCIATIONS = 1000


@dataclass(frozen=True, slots=True)
class Speech:
    """A checked request for speech; its voice is still only a name.

    `sample_rate_hz` 0 is the voice's own rate.
    """

    text: str
    language: str
    voice_id: str
    options: SynthesisOptions
    encoding: Encoding
    sample_rate_hz: int
    timestamps: TimestampDetail = TimestampDetail.NONE
    pronunciations: tuple[Pronunciation, ...] = ()


def to_speech(message: tts_pb2.SpeechInput, max_characters: int) -> Speech:
    """Return what the message asks for. An empty language stays empty, an absent rate 0.

    Raises:
        EmptyTextError, TextTooLongError: the text is at fault.
        InvalidFieldError, InvalidOptionError: another field is.
    """
    if not message.text.strip():
        raise EmptyTextError("the text is empty")
    if len(message.text) > max_characters:
        raise TextTooLongError(len(message.text), max_characters)
    return _to_speech(message.text, message, "input")


def to_streamed_speech(message: tts_pb2.StreamingConfig) -> Speech:
    """Return how a text is to be spoken that is still to be written.

    Raises:
        InvalidFieldError, InvalidOptionError: a field is at fault.
    """
    speech = _to_speech("", message, "config")
    if not message.HasField("carried"):
        return speech
    carried_s = message.carried.ToMicroseconds() / 1e6
    check_range("config.carried", carried_s, 0, 10)
    return replace(speech, options=replace(speech.options, carried_s=carried_s))


def at_own_rate(speech: Speech, own_rate_hz: int) -> Speech:
    """Return the request with the voice's own rate where it names none.

    Raises:
        InvalidFieldError: the encoding has no such rate.
    """
    if speech.sample_rate_hz:
        return speech
    check_rate(speech.encoding, own_rate_hz)
    return replace(speech, sample_rate_hz=own_rate_hz)


def to_options(message: tts_pb2.SynthesisOptions) -> SynthesisOptions:
    """Return the options; absent fields stay open, for the bundle to fill.

    Raises:
        InvalidOptionError: a value is out of range.
    """
    given: dict[str, Any] = {
        field.name: _as_written(value) for field, value in message.ListFields()
    }
    return SynthesisOptions(**given)


def to_pronunciations(
    messages: Sequence[tts_pb2.Pronunciation], field: str
) -> tuple[Pronunciation, ...]:
    """Return how words are to be read; the engine checks each of them.

    Raises:
        InvalidFieldError: there are too many.
    """
    if len(messages) > MAX_PRONUNCIATIONS:
        raise InvalidFieldError(field, f"{len(messages)}; the limit is {MAX_PRONUNCIATIONS}")
    return tuple(
        Pronunciation(each.word, each.language.strip().lower(), each.alias, each.phonemes)
        for each in messages
    )


def to_clause_rules(message: tts_pb2.CommitPolicy) -> tuple[ClauseRules, float]:
    """Return how wide clauses are, and how many seconds words wait at most.

    Raises:
        InvalidFieldError: a value is out of range.
    """
    rules, delay_s = ClauseRules(), DEFAULT_MAX_DELAY_S
    least, most = message.min_width or rules.min_width, message.max_width or rules.max_width
    if message.HasField("max_delay"):
        delay_s = message.max_delay.ToMicroseconds() / 1e6
    check_range("config.commit.min_width", least, 1, 400)
    check_range("config.commit.max_width", most, 40, 1200)
    check_range("config.commit.max_delay", delay_s, 0.05, 60)
    return ClauseRules(least, max(least, most)), delay_s


def to_subtitle_format(number: int) -> SubtitleFormat | None:
    """Return the format of the subtitles, or None for none.

    Raises:
        InvalidFieldError: there is no such format.
    """
    return known(_SUBTITLE_FORMATS, number, "subtitle_format")


def _to_speech(
    text: str, message: tts_pb2.SpeechInput | tts_pb2.StreamingConfig, root: str
) -> Speech:
    """`root` is the path of the message, for the errors."""
    encoding = _to_encoding(message.audio_format.encoding, f"{root}.audio_format.encoding")
    rate_hz = message.audio_format.sample_rate_hz
    if rate_hz:
        check_rate(encoding, rate_hz, f"{root}.audio_format.sample_rate_hz")
    return Speech(
        text=text,
        language=message.language.strip().lower(),
        voice_id=to_voice_id(message.voice, f"{root}.voice"),
        options=to_options(message.options),
        encoding=encoding,
        sample_rate_hz=rate_hz,
        timestamps=known(_DETAILS, message.timestamps, f"{root}.timestamps"),
        pronunciations=to_pronunciations(message.pronunciations, f"{root}.pronunciations"),
    )


def _to_encoding(number: int, field: str) -> Encoding:
    if number not in _ENCODINGS:
        names = ", ".join(encoding.name for encoding in Encoding)
        raise InvalidFieldError(field, f"unknown; known: {names}")
    return _ENCODINGS[number]


def _as_written(value: float) -> float:
    """Return a 32-bit float as the decimal that the caller wrote: 0.01, not 0.0099999998."""
    return round(value, 6) if isinstance(value, float) else value
