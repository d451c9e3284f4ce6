"""Texts into files: one call for a text, several side by side for a long one."""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import StrEnum

from gptsovits.tts.v1 import audio_pb2, timestamps_pb2, tts_pb2

from plugin.gpt_sovits.audio import wav_file
from plugin.gpt_sovits.connection import Connection
from plugin.gpt_sovits.errors import NothingToSayError, RequestError, ServerFailedError
from plugin.gpt_sovits.settings import Manner, SoundFormat
from plugin.gpt_sovits.speech import SPEECH_DEADLINE_S, speech_input

# Dify takes files of tools up to this size.
LARGEST_FILE_BYTES = 30 * 1024 * 1024
PARTS_AT_ONCE = 4


class Subtitles(StrEnum):
    """The subtitles that a node can write."""

    NONE = "none"
    SRT = "srt"
    WEBVTT = "vtt"

    @property
    def message(self) -> timestamps_pb2.SubtitleFormat.ValueType:
        """The value in a request."""
        return {
            "none": timestamps_pb2.SUBTITLE_FORMAT_UNSPECIFIED,
            "srt": timestamps_pb2.SUBTITLE_FORMAT_SRT,
            "vtt": timestamps_pb2.SUBTITLE_FORMAT_WEBVTT,
        }[self.value]

    @property
    def mime_type(self) -> str:
        """The type of the file."""
        return "application/x-subrip" if self is Subtitles.SRT else "text/vtt"


@dataclass(frozen=True, slots=True)
class SpokenFile:
    """A finished file, its length, and its subtitles if they were asked for."""

    data: bytes
    duration_s: float
    subtitles: str = ""


def speak_text(
    connection: Connection, speech: tts_pb2.SpeechInput, subtitles: Subtitles
) -> SpokenFile:
    """Return `speech` as a file.

    Raises:
        TtsError: the server cannot be reached, refuses or fails, or writes no subtitles.
    """
    request = tts_pb2.SynthesizeRequest(input=speech, subtitle_format=subtitles.message)
    response = connection.synthesize(request, SPEECH_DEADLINE_S)
    if subtitles is not Subtitles.NONE and not response.subtitles:
        raise ServerFailedError(
            "The speech server wrote no subtitles: it is older than this plugin. Update it, or "
            "choose no subtitles."
        )
    _check_size(len(response.audio))
    duration_s = response.report.audio_duration.ToTimedelta().total_seconds()
    return SpokenFile(response.audio, duration_s, response.subtitles)


def speak_parts(
    connection: Connection, parts: Sequence[str], voice: str, manner: Manner
) -> SpokenFile:
    """Return `parts`, spoken one after the other, as one file.

    Raises:
        TtsError: a part could not be spoken, or nothing in any of them can.
    """
    ends_at = time.monotonic() + SPEECH_DEADLINE_S

    def speak(part: str) -> tts_pb2.SynthesizeResponse | None:
        return _part(connection, _part_input(part, voice, manner), ends_at)

    with ThreadPoolExecutor(PARTS_AT_ONCE) as speakers:
        pending = [speakers.submit(speak, part) for part in parts]
        try:
            answers = [each.result() for each in pending]
        finally:
            speakers.shutdown(cancel_futures=True)
    return _joined([each for each in answers if each is not None], manner.sound_format)


def _part_input(part: str, voice: str, manner: Manner) -> tts_pb2.SpeechInput:
    """Return the request for a part; of WAV only the samples, as a header fits only the whole."""
    speech = speech_input(part, voice, manner)
    if manner.sound_format is SoundFormat.WAV:
        speech.audio_format.encoding = audio_pb2.AUDIO_ENCODING_PCM
    return speech


def _part(
    connection: Connection, speech: tts_pb2.SpeechInput, ends_at: float
) -> tts_pb2.SynthesizeResponse | None:
    left_s = ends_at - time.monotonic()
    if left_s <= 0:
        raise RequestError(
            f"The text takes longer than the {SPEECH_DEADLINE_S:g} s that Dify allows a node. "
            "Send it in several."
        )
    try:
        return connection.synthesize(tts_pb2.SynthesizeRequest(input=speech), left_s)
    except NothingToSayError:  # a rule or an emoji between two paragraphs
        return None


def _joined(answers: Sequence[tts_pb2.SynthesizeResponse], sound_format: SoundFormat) -> SpokenFile:
    if not answers:
        raise NothingToSayError("The text has nothing that can be spoken.")
    sound = b"".join(answer.audio for answer in answers)
    _check_size(len(sound))
    if sound_format is SoundFormat.WAV:
        sound = wav_file(sound, answers[0].audio_format.sample_rate_hz)
    durations = [answer.report.audio_duration.ToTimedelta() for answer in answers]
    return SpokenFile(sound, sum(each.total_seconds() for each in durations))


def _check_size(size: int) -> None:
    if size > LARGEST_FILE_BYTES:
        raise RequestError(
            f"The sound has {size:,} bytes, and Dify takes {LARGEST_FILE_BYTES:,}. Choose MP3, "
            "or send the text in several parts."
        )
