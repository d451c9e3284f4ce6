"""Texts into files."""

from __future__ import annotations

import io
import re

import pytest
import soundfile
from google.rpc import code_pb2, status_pb2
from gptsovits.tts.v1 import audio_pb2

from plugin.gpt_sovits import errors
from plugin.gpt_sovits.connection import Connection
from plugin.gpt_sovits.settings import Manner, SoundFormat
from plugin.gpt_sovits.speech import speech_input
from plugin.tools import speaking
from plugin.tools.mp3 import mp3_duration_s
from plugin.tools.speaking import speak_parts, speak_text
from plugin.tools.subtitles import Subtitles
from tests.plugin.sound import decode_mp3, tone_mp3
from tests.plugin.speech_server import SpeechServer

HELLO = speech_input("Hello.", "amy", Manner())
WAV = Manner(sound_format=SoundFormat.WAV)


def test_a_text_becomes_a_file_with_its_length(connection: Connection) -> None:
    spoken = speak_text(connection, HELLO, Subtitles.NONE)
    assert (spoken.data, spoken.duration_s, spoken.subtitles) == (tone_mp3(2.0), 1.0, "")


@pytest.mark.parametrize("subtitles", [Subtitles.SRT, Subtitles.WEBVTT])
def test_subtitles_come_with_it(connection: Connection, subtitles: Subtitles) -> None:
    assert "\nHello.\n" in speak_text(connection, HELLO, subtitles).subtitles


def test_a_server_that_knows_no_subtitles_is_an_error(
    server: SpeechServer, connection: Connection
) -> None:
    server.behaviour.subtitles = False
    with pytest.raises(errors.ServerFailedError, match="older than this plugin"):
        speak_text(connection, HELLO, Subtitles.SRT)


def test_a_file_is_asked_for_again_when_the_server_fails_in_passing(
    server: SpeechServer, connection: Connection
) -> None:
    server.behaviour.fail_next = [status_pb2.Status(code=code_pb2.UNAVAILABLE, message="restart")]
    assert speak_text(connection, HELLO, Subtitles.NONE).data


def test_parts_follow_each_other_in_one_file(connection: Connection) -> None:
    spoken = speak_parts(connection, ["One. ", "Two. ", "Three."], "amy", Manner())
    assert spoken.data == tone_mp3(2.0) * 3
    samples, rate_hz = decode_mp3(spoken.data)
    assert spoken.duration_s == pytest.approx(len(samples) / rate_hz, abs=0.001)


def test_parts_keep_their_order_whichever_is_done_first(
    server: SpeechServer, connection: Connection
) -> None:
    server.behaviour.file_delay_s = 0.02
    parts = ["The longest of all. ", "Two, shorter. ", "Three. ", "4.", "Five of them. "]
    spoken = speak_parts(connection, parts, "amy", WAV)
    samples, rate_hz = soundfile.read(io.BytesIO(spoken.data), dtype="int16")
    assert samples[::rate_hz].tolist() == [len(part) for part in parts]


@pytest.mark.parametrize(("manner", "part_s"), [(Manner(), None), (WAV, 1.0)])
def test_subtitles_of_parts_have_the_times_of_the_whole(
    connection: Connection, manner: Manner, part_s: float | None
) -> None:
    parts = ["One. ", "***\n", "Two.", "Three."]
    spoken = speak_parts(connection, parts, "amy", manner, subtitles=Subtitles.SRT)
    length_s = part_s or mp3_duration_s(tone_mp3(2.0))
    starts_s = [0.25 + length_s * number for number in range(3)]
    found = re.findall(r"(\d)\n00:00:(\d\d),(\d{3}) --> .*\n(.*)\n", spoken.subtitles)
    assert [(number, words) for number, _, _, words in found] == [
        ("1", "One."),
        ("2", "Two."),
        ("3", "Three."),
    ]
    told_s = [int(seconds) + int(thousandths) / 1000 for _, seconds, thousandths, _ in found]
    assert told_s == pytest.approx(starts_s, abs=0.001)


def test_parts_of_a_server_that_knows_no_subtitles_are_an_error(
    server: SpeechServer, connection: Connection
) -> None:
    server.behaviour.subtitles = False
    with pytest.raises(errors.ServerFailedError, match="older than this plugin"):
        speak_parts(connection, ["One."], "amy", Manner(), subtitles=Subtitles.WEBVTT)


def test_wav_parts_share_one_header(server: SpeechServer, connection: Connection) -> None:
    spoken = speak_parts(connection, ["One. ", "Two."], "amy", WAV)
    samples, rate_hz = soundfile.read(io.BytesIO(spoken.data))
    assert (len(samples) / rate_hz, spoken.data.count(b"RIFF")) == (2.0, 1)
    assert {each.audio_format.encoding for each in server.requests} == {
        audio_pb2.AUDIO_ENCODING_PCM
    }


def test_a_part_without_words_is_left_out(connection: Connection) -> None:
    spoken = speak_parts(connection, ["One. ", "***\n", "Two."], "amy", WAV)
    assert spoken.duration_s == 2.0


def test_a_text_without_words_is_an_error(connection: Connection) -> None:
    with pytest.raises(errors.NothingToSayError):
        speak_parts(connection, ["***\n", "🎉"], "amy", Manner())


def test_a_part_that_fails_fails_the_file(connection: Connection) -> None:
    with pytest.raises(errors.VoiceUnknownError, match="amy, ken"):
        speak_parts(connection, ["One. ", "Two."], "nobody", Manner())


def test_a_file_that_dify_would_not_take_is_refused_with_advice(
    connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(speaking, "LARGEST_FILE_BYTES", len(tone_mp3(2.0)) + 1)
    assert speak_parts(connection, ["One."], "amy", Manner()).data
    with pytest.raises(errors.RequestError, match="several parts"):
        speak_parts(connection, ["One. ", "Two."], "amy", Manner())


def test_what_dify_would_not_take_is_not_spoken_to_its_end(
    server: SpeechServer, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(speaking, "LARGEST_FILE_BYTES", len(tone_mp3(2.0)) + 1)
    with pytest.raises(errors.RequestError, match="several parts"):
        speak_parts(connection, ["One. "] * 100, "amy", Manner())
    assert len(server.requests) < 100


def test_a_text_that_takes_longer_than_dify_allows_is_refused(
    connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(speaking, "SPEECH_DEADLINE_S", -1.0)
    with pytest.raises(errors.RequestError, match="takes longer"):
        speak_parts(connection, ["One."], "amy", Manner())
