"""What callers are told of the sound that they get: its form, its times, what it took."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from gptsovits.tts.v1 import audio_pb2, timestamps_pb2, tts_pb2

from backend.convert.fields import to_duration
from backend.convert.speech import Speech
from backend.encoding import Encoding
from backend.request import RequestRecord
from engine.types import Finding, SentenceTiming, TimedText


def to_opened(record: RequestRecord, speech: Speech) -> tts_pb2.StreamOpened:
    """Return the first message of a stream's content."""
    return tts_pb2.StreamOpened(
        request_id=record.request_id,
        audio_format=to_audio_format(speech.encoding, speech.sample_rate_hz),
    )


def to_report(
    record: RequestRecord, seed: int, findings: Iterable[Finding] = ()
) -> tts_pb2.SynthesisReport:
    """Return what a finished synthesis was."""
    return tts_pb2.SynthesisReport(
        seed=seed,
        audio_duration=to_duration(record.audio_s),
        time_to_first_audio=to_duration(record.first_chunk_s or 0.0),
        processing_time=to_duration(record.elapsed_s()),
        characters=record.characters,
        findings=to_findings(findings),
    )


def to_audio_format(encoding: Encoding, sample_rate_hz: int) -> audio_pb2.AudioFormat:
    """Return the message that tells a caller what it gets."""
    number = audio_pb2.AudioEncoding.Value(f"AUDIO_ENCODING_{encoding.name}")
    return audio_pb2.AudioFormat(encoding=number, sample_rate_hz=sample_rate_hz)


def to_findings(findings: Iterable[Finding]) -> list[tts_pb2.SentenceFinding]:
    """Return the messages of sentences that were not right at once."""
    return [
        tts_pb2.SentenceFinding(
            sentence=finding.sentence,
            flaw=tts_pb2.SentenceFlaw.Value(f"SENTENCE_FLAW_{finding.flaw.name}"),
            attempts=finding.attempts,
            resolved=finding.resolved,
            left_out=finding.left_out,
        )
        for finding in findings
    ]


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
