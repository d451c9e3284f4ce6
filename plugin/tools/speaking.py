"""Texts into files: one call for a text, several side by side for a long one."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from gptsovits.tts.v1 import audio_pb2, tts_pb2

from plugin.gpt_sovits.audio import wav_file
from plugin.gpt_sovits.connection import Connection
from plugin.gpt_sovits.errors import NothingToSayError, RequestError, ServerFailedError
from plugin.gpt_sovits.settings import Manner, SoundFormat
from plugin.gpt_sovits.speech import SPEECH_DEADLINE_S, speech_input
from plugin.tools.mp3 import mp3_duration_s
from plugin.tools.subtitles import Subtitles, join_subtitles

# Dify takes files of tools up to this size.
LARGEST_FILE_BYTES = 30 * 1024 * 1024
PARTS_AT_ONCE = 4
SAMPLE_BYTES = 2


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
    response = _spoken(connection, speech, subtitles, SPEECH_DEADLINE_S)
    _check_size(len(response.audio))
    duration_s = response.report.audio_duration.ToTimedelta().total_seconds()
    return SpokenFile(response.audio, duration_s, response.subtitles)


def speak_parts(
    connection: Connection,
    parts: Sequence[str],
    voice: str,
    manner: Manner,
    *,
    subtitles: Subtitles = Subtitles.NONE,
) -> SpokenFile:
    """Return `parts`, spoken one after the other, as one file.

    Raises:
        TtsError: a part could not be spoken, or nothing in any of them can.
    """
    ends_at = time.monotonic() + SPEECH_DEADLINE_S

    def speak(part: str) -> tts_pb2.SynthesizeResponse | None:
        try:
            speech = _part_input(part, voice, manner)
            return _spoken(connection, speech, subtitles, _left_s(ends_at))
        except NothingToSayError:  # a rule or an emoji between two paragraphs
            return None

    with ThreadPoolExecutor(PARTS_AT_ONCE) as speakers:
        pending = [speakers.submit(speak, part) for part in parts]
        try:
            answers = list(_within_limit(each.result() for each in pending))
        finally:
            speakers.shutdown(cancel_futures=True)
    return _joined(answers, manner.sound_format, subtitles)


def _within_limit(
    answers: Iterable[tts_pb2.SynthesizeResponse | None],
) -> Iterator[tts_pb2.SynthesizeResponse]:
    """Yield those that have sound, until all of it is more than Dify takes."""
    size = 0
    for answer in answers:
        if answer is not None:
            size += len(answer.audio)
            _check_size(size)
            yield answer


def _spoken(
    connection: Connection, speech: tts_pb2.SpeechInput, subtitles: Subtitles, timeout_s: float
) -> tts_pb2.SynthesizeResponse:
    request = tts_pb2.SynthesizeRequest(input=speech, subtitle_format=subtitles.message)
    response = connection.synthesize(request, timeout_s)
    if subtitles is not Subtitles.NONE and not response.subtitles:
        raise ServerFailedError(
            "The speech server wrote no subtitles: it is older than this plugin. Update it, or "
            "choose no subtitles."
        )
    return response


def _part_input(part: str, voice: str, manner: Manner) -> tts_pb2.SpeechInput:
    """Return the request for a part; of WAV only the samples, as a header fits only the whole."""
    speech = speech_input(part, voice, manner)
    if manner.sound_format is SoundFormat.WAV:
        speech.audio_format.encoding = audio_pb2.AUDIO_ENCODING_PCM
    return speech


def _left_s(ends_at: float) -> float:
    left_s = ends_at - time.monotonic()
    if left_s <= 0:
        raise RequestError(
            f"The text takes longer than the {SPEECH_DEADLINE_S:g} s that Dify allows a node. "
            "Send it in several."
        )
    return left_s


def _joined(
    answers: Sequence[tts_pb2.SynthesizeResponse], sound_format: SoundFormat, subtitles: Subtitles
) -> SpokenFile:
    if not answers:
        raise NothingToSayError("The text has nothing that can be spoken. Send words.")
    sound = b"".join(answer.audio for answer in answers)
    lengths_s = [_length_s(answer, sound_format) for answer in answers]
    if sound_format is SoundFormat.WAV:
        sound = wav_file(sound, answers[0].audio_format.sample_rate_hz)
    written = ""
    if subtitles is not Subtitles.NONE:
        own = [answer.subtitles for answer in answers]
        written = join_subtitles(list(zip(own, lengths_s, strict=True)), subtitles)
    return SpokenFile(sound, sum(lengths_s), written)


def _length_s(answer: tts_pb2.SynthesizeResponse, sound_format: SoundFormat) -> float:
    """Return how much longer the whole file plays for this part."""
    if sound_format is SoundFormat.WAV:
        return len(answer.audio) / SAMPLE_BYTES / answer.audio_format.sample_rate_hz
    return mp3_duration_s(answer.audio)


def _check_size(size: int) -> None:
    if size > LARGEST_FILE_BYTES:
        raise RequestError(
            f"The sound has {size:,} bytes, and Dify takes {LARGEST_FILE_BYTES:,}. Choose MP3, "
            "or send the text in several parts."
        )
