"""One text becomes sound."""

from __future__ import annotations

import time

import pytest
from google.rpc import code_pb2, status_pb2
from gptsovits.tts.v1 import audio_pb2

from plugin.gpt_sovits import errors
from plugin.gpt_sovits.audio import LONGEST_HOLD_S
from plugin.gpt_sovits.connection import Connection
from plugin.gpt_sovits.settings import DEFAULT_PAUSE_S, Manner
from plugin.gpt_sovits.speech import (
    WATCH_PERIOD_S,
    Patience,
    speech_input,
    stream_speech,
)
from tests.plugin.listening import MANNER, hear
from tests.plugin.sound import decode_mp3, loudness, tone_mp3
from tests.plugin.speech_server import SpeechServer

AWAY = status_pb2.Status(code=code_pb2.UNAVAILABLE, message="restarting")


def test_the_sound_arrives_as_it_was_sent(connection: Connection) -> None:
    sound = hear(connection)
    assert sound == tone_mp3(2.0)
    assert loudness(decode_mp3(sound)[0]) > 0.1


def test_the_settings_travel_with_the_text(server: SpeechServer, connection: Connection) -> None:
    hear(connection, "Guten Tag.", "voices/ken")
    [speech] = server.requests
    assert (speech.text, speech.voice, speech.language) == ("Guten Tag.", "voices/ken", "en")
    assert speech.options.speed == 1.5
    assert speech.options.temperature == pytest.approx(0.6)
    assert speech.audio_format.encoding == audio_pb2.AUDIO_ENCODING_MP3


def test_what_is_left_to_the_server_does_not_travel() -> None:
    assert not speech_input("Hello.", "amy", Manner()).options.HasField("temperature")


def test_a_voice_may_carry_the_language_of_the_text(
    server: SpeechServer, connection: Connection
) -> None:
    hear(connection, voice="amy@ja")
    assert (server.requests[0].voice, server.requests[0].language) == ("voices/amy", "ja")


def test_a_failure_in_passing_is_not_heard(server: SpeechServer, connection: Connection) -> None:
    server.behaviour.fail_next = [AWAY, AWAY]
    assert hear(connection) == tone_mp3(2.0)
    assert len(server.requests) == 3


def test_sound_that_was_heard_is_never_repeated(
    server: SpeechServer, connection: Connection
) -> None:
    server.behaviour.break_off_after = 3
    with pytest.raises(errors.ServerFailedError, match="broke off"):
        hear(connection)
    assert len(server.requests) == 1


def test_an_unknown_voice_is_refused_with_the_known_ones(connection: Connection) -> None:
    with pytest.raises(errors.VoiceUnknownError, match="amy, ken"):
        hear(connection, voice="nobody")


def test_a_text_without_words_is_told_apart(connection: Connection) -> None:
    with pytest.raises(errors.NothingToSayError):
        hear(connection, text="…!")


def test_a_server_that_falls_silent_is_given_up(
    server: SpeechServer, connection: Connection
) -> None:
    server.behaviour.mute = True
    with pytest.raises(errors.ConnectionFailedError, match=r"nothing for 0\.2 s"):
        hear(connection, patience=Patience(0.2))
    assert server.ended.wait(2.0)


def test_a_gap_in_mid_speech_ends_it_sooner_than_a_slow_start(
    server: SpeechServer, connection: Connection
) -> None:
    server.behaviour.first_delay_s = 0.5
    server.behaviour.chunk_gap_s = 1.0
    with pytest.raises(errors.ServerFailedError, match=r"broke off.*nothing for 0\.3 s"):
        hear(connection, patience=Patience(5.0, gap_s=0.3))
    assert len(server.requests) == 1


def test_dify_never_waits_five_seconds_for_the_next_sound() -> None:
    assert DEFAULT_PAUSE_S + WATCH_PERIOD_S + LONGEST_HOLD_S < 5.0


def test_a_slow_listener_is_not_a_silent_server(connection: Connection) -> None:
    speech = speech_input("Hello.", "amy", MANNER)
    sound = b""
    for chunk in stream_speech(connection, speech, Patience(0.2, 0.2)):
        time.sleep(0.8 if not sound else 0.0)
        sound += chunk
    assert sound == tone_mp3(2.0)


def test_a_listener_who_leaves_frees_the_server(
    server: SpeechServer, connection: Connection
) -> None:
    server.behaviour.chunk_gap_s = 0.2
    stream = stream_speech(connection, speech_input("Hello.", "amy", MANNER), Patience(5.0))
    next(stream)
    stream.close()
    assert server.ended.wait(1.0)


def test_a_server_that_sends_no_sound_is_an_error_and_no_empty_file(
    server: SpeechServer, connection: Connection
) -> None:
    server.behaviour.silent = True
    with pytest.raises(errors.ServerFailedError, match=r"sent no sound\. See its log"):
        hear(connection)


def test_sound_of_another_kind_is_refused(server: SpeechServer, connection: Connection) -> None:
    server.behaviour.encoding = audio_pb2.AUDIO_ENCODING_WAV
    with pytest.raises(errors.ServerFailedError, match="WAV"):
        hear(connection)


def test_sound_of_a_kind_that_is_not_known_yet_is_refused(
    server: SpeechServer, connection: Connection
) -> None:
    server.behaviour.encoding = 99
    with pytest.raises(errors.ServerFailedError, match="sends format 99 where"):
        hear(connection)


def test_what_a_newer_server_adds_is_overheard(
    server: SpeechServer, connection: Connection
) -> None:
    server.behaviour.newer = True
    assert hear(connection) == tone_mp3(2.0)
    assert len(connection.list_voices()) == 2
