"""Messages of the API to values of the engine and of the backend, and back."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp
from gptsovits.tts.v1 import audio_pb2, timestamps_pb2, tts_pb2, voices_pb2

from backend.encoding import Encoding, check_rate
from backend.errors import ConsentRequiredError, InvalidFieldError
from backend.languages import display_name
from backend.voices.library import VoiceInfo
from backend.voices.submission import VoiceDescription
from engine.errors import EmptyTextError, TextTooLongError
from engine.text.clauses import ClauseRules
from engine.text.subtitles import SubtitleFormat
from engine.types import (
    Finding,
    Pronunciation,
    SentenceTiming,
    SynthesisOptions,
    TimedText,
    TimestampDetail,
)

if TYPE_CHECKING:
    from engine.pipeline.bundle import Bundle

VOICE_PREFIX = "voices/"

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
    return _to_speech("", message, "config")


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
        timestamps=_known(_DETAILS, message.timestamps, f"{root}.timestamps"),
        pronunciations=to_pronunciations(message.pronunciations, f"{root}.pronunciations"),
    )


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


def to_findings(findings: Iterable[Finding]) -> list[tts_pb2.SentenceFinding]:
    """Return the messages of sentences that were not right at once."""
    return [
        tts_pb2.SentenceFinding(
            sentence=finding.sentence,
            flaw=tts_pb2.SentenceFlaw.Value(f"SENTENCE_FLAW_{finding.flaw.name}"),
            attempts=finding.attempts,
            resolved=finding.resolved,
        )
        for finding in findings
    ]


def to_clause_rules(message: tts_pb2.CommitPolicy) -> tuple[ClauseRules, float]:
    """Return how wide clauses are, and how many seconds words wait at most.

    Raises:
        InvalidFieldError: a value is out of range.
    """
    rules, delay_s = ClauseRules(), DEFAULT_MAX_DELAY_S
    least, most = message.min_width or rules.min_width, message.max_width or rules.max_width
    if message.HasField("max_delay"):
        delay_s = message.max_delay.ToMicroseconds() / 1e6
    _check_range("config.commit.min_width", least, 1, 400)
    _check_range("config.commit.max_width", most, 40, 1200)
    _check_range("config.commit.max_delay", delay_s, 0.05, 60)
    return ClauseRules(least, max(least, most)), delay_s


def to_subtitle_format(number: int) -> SubtitleFormat | None:
    """Return the format of the subtitles, or None for none.

    Raises:
        InvalidFieldError: there is no such format.
    """
    return _known(_SUBTITLE_FORMATS, number, "subtitle_format")


def to_sentence_timestamps(
    timing: SentenceTiming, first_character: int = 0, start_s: float = 0.0
) -> timestamps_pb2.SentenceTimestamps:
    """Return the message of a sentence's times.

    A text that is a part of the caller's begins at `first_character` of it and at `start_s`.
    """

    def fields(part: TimedText) -> dict[str, Any]:
        return {
            "text": part.text,
            "text_start": first_character + part.text_start,
            "text_end": first_character + part.text_end,
            "start_time": to_duration(start_s + part.start_s),
            "end_time": to_duration(start_s + part.end_s),
        }

    units = [timestamps_pb2.UnitTimestamp(**fields(unit)) for unit in timing.units]
    return timestamps_pb2.SentenceTimestamps(**fields(timing.sentence), units=units)


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


def to_voice_id(name: str, field: str) -> str:
    """Return the id in a resource name `voices/{id}`.

    Raises:
        InvalidFieldError: `name` is not of this form.
    """
    prefix, voice_id = name[: len(VOICE_PREFIX)], name[len(VOICE_PREFIX) :]
    if prefix != VOICE_PREFIX or not voice_id or "/" in voice_id:
        raise InvalidFieldError(field, f"{name[:80]!r} is not of the form `voices/{{id}}`")
    return voice_id


def to_audio_format(encoding: Encoding, sample_rate_hz: int) -> audio_pb2.AudioFormat:
    """Return the message that tells a caller what it gets."""
    number = audio_pb2.AudioEncoding.Value(f"AUDIO_ENCODING_{encoding.name}")
    return audio_pb2.AudioFormat(encoding=number, sample_rate_hz=sample_rate_hz)


def to_voice_description(message: voices_pb2.CreateVoiceConfig) -> VoiceDescription:
    """Return what the new voice is to be; an empty id gets a made-up one.

    Raises:
        ConsentRequiredError: the message has no consent at all.
    """
    if not message.HasField("consent"):
        raise ConsentRequiredError("config.consent is missing")
    return VoiceDescription(
        voice_id=message.voice_id or f"voice-{uuid.uuid4().hex[:12]}",
        display_name=message.display_name,
        description=message.description,
        transcript=message.transcript,
        language=message.language.strip().lower(),
        consent_speaker=message.consent.speaker_name,
        consent_text=message.consent.text,
        bundle=message.bundle.strip(),
    )


def to_voice_message(
    voice: VoiceInfo, sample_rate_hz: int, languages: tuple[str, ...]
) -> voices_pb2.Voice:
    """Return the resource of a voice that a bundle of this rate and these languages speaks."""
    created = None
    if voice.created is not None:
        created = Timestamp()
        created.FromDatetime(voice.created)
    return voices_pb2.Voice(
        name=VOICE_PREFIX + voice.voice_id,
        display_name=voice.display_name,
        language=voice.language,
        description=voice.description,
        create_time=created,
        sample_rate_hz=sample_rate_hz,
        builtin=voice.builtin,
        bundle=voice.bundle,
        spoken_languages=languages,
    )


def to_languages(bundles: Iterable[Bundle]) -> list[tts_pb2.Language]:
    """Return every language that one of the bundles speaks, as the first of them reads it."""
    found: dict[str, tts_pb2.Language] = {}
    for bundle in bundles:
        for code in bundle.languages:
            message = tts_pb2.Language(
                code=code,
                display_name=display_name(code),
                mapped=code in bundle.mapped_languages,
                reader=bundle.readers.get(code, ""),
            )
            found.setdefault(code, message)
    return list(found.values())


def to_duration(seconds: float) -> Duration:
    """Return a duration message."""
    duration = Duration()
    duration.FromNanoseconds(round(seconds * 1e9))
    return duration


def _as_written(value: float) -> float:
    """Return a 32-bit float as the decimal that the caller wrote: 0.01, not 0.0099999998."""
    return round(value, 6) if isinstance(value, float) else value


def _to_encoding(number: int, field: str) -> Encoding:
    if number not in _ENCODINGS:
        known = ", ".join(encoding.name for encoding in Encoding)
        raise InvalidFieldError(field, f"unknown; known: {known}")
    return _ENCODINGS[number]


def _known[T](values: Mapping[int, T], number: int, field: str) -> T:
    if number not in values:
        raise InvalidFieldError(field, f"{number} is not one of {', '.join(map(str, values))}")
    return values[number]


def _check_range(field: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:
        raise InvalidFieldError(field, f"{value:g} is not within {low:g} and {high:g}")
