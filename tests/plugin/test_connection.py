"""Calls over a real channel to a real server."""

from __future__ import annotations

import traceback

import pytest
from google.protobuf import any_pb2, duration_pb2
from google.rpc import code_pb2, error_details_pb2, status_pb2
from gptsovits.tts.v1 import voices_pb2

from plugin.gpt_sovits import errors
from plugin.gpt_sovits.connection import UNARY_TIMEOUT_S, Connection
from plugin.gpt_sovits.endpoint import Endpoint, Proxy
from plugin.gpt_sovits.settings import Manner
from plugin.gpt_sovits.speech import speech_input
from plugin.tools.speaking import speak_text
from plugin.tools.subtitles import Subtitles
from tests.plugin.listening import hear
from tests.plugin.speech_server import API_KEY, SpeechServer, voice

DIFYS_OWN_S = 600.0  # after which it ends what it has asked a plugin for


def test_all_pages_of_voices_are_read(server: SpeechServer, connection: Connection) -> None:
    server.behaviour.voices = [voice(f"v{number}", "en") for number in range(7)]
    server.behaviour.page_size = 3
    assert [each.name for each in connection.list_voices()] == [f"voices/v{n}" for n in range(7)]


def test_a_refused_key_appears_nowhere(server: SpeechServer) -> None:
    connection = Connection(Endpoint(server.address, "wrong-secret"))
    with pytest.raises(errors.AuthorizationError) as caught:
        connection.list_voices()
    connection.close()
    assert "wrong-secret" not in "".join(traceback.format_exception(caught.value))


def test_a_proxy_of_the_environment_is_not_used(
    server: SpeechServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    connection = Connection(Endpoint(server.address, API_KEY))
    assert len(connection.list_voices()) == 2
    connection.close()


def test_a_proxy_of_the_environment_is_used_where_that_is_chosen(
    server: SpeechServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    through = Endpoint(server.address, API_KEY, proxy=Proxy.ENVIRONMENT)
    connection = Connection(through, sleep=lambda _: None)
    with pytest.raises(errors.ConnectionFailedError, match="cannot be reached"):
        connection.list_voices()
    connection.close()
    assert server.voice_calls == 0


def test_a_server_that_is_away_is_named_with_advice() -> None:
    waits: list[float] = []
    connection = Connection(Endpoint("127.0.0.1:1", API_KEY), sleep=waits.append)
    with pytest.raises(errors.ConnectionFailedError, match=r"127\.0\.0\.1:1 cannot be reached"):
        connection.list_voices()
    connection.close()
    assert waits == [0.3, 0.9, 1.5]


def test_a_text_that_no_call_can_carry_is_refused_with_advice(connection: Connection) -> None:
    with pytest.raises(errors.RequestError, match="Send the text in parts"):
        hear(connection, "word " * 1_000_000)


def test_a_server_that_comes_back_is_found(server: SpeechServer) -> None:
    connection = Connection(Endpoint(server.address, API_KEY))
    assert connection.list_voices()
    server.stop()
    with pytest.raises(errors.ConnectionFailedError):
        connection.list_voices()
    returned = SpeechServer(server.port)
    assert connection.list_voices()
    connection.close()
    returned.stop()


def test_a_busy_server_is_asked_again_when_it_says_so(connection: Connection) -> None:
    attempts: list[int] = []

    def attempt() -> str:
        attempts.append(1)
        if len(attempts) < 3:
            raise errors.OverloadedError("busy", retry_after_s=0.1)
        return "spoken"

    assert connection.retrying(attempt) == "spoken"


@pytest.mark.parametrize("retry_after_s", [None, 30.0])
def test_a_long_wait_is_left_to_the_caller(
    connection: Connection, retry_after_s: float | None
) -> None:
    attempts: list[int] = []

    def attempt() -> None:
        attempts.append(1)
        raise errors.OverloadedError("busy", retry_after_s=retry_after_s)

    with pytest.raises(errors.OverloadedError):
        connection.retrying(attempt)
    assert len(attempts) == 1


def test_the_servers_wish_to_be_asked_later_is_read(
    server: SpeechServer, connection: Connection
) -> None:
    retry = any_pb2.Any()
    retry.Pack(error_details_pb2.RetryInfo(retry_delay=duration_pb2.Duration(seconds=9)))
    server.behaviour.fail_next = [
        status_pb2.Status(code=code_pb2.RESOURCE_EXHAUSTED, message="full", details=[retry])
    ]
    with pytest.raises(errors.OverloadedError) as caught:
        hear(connection)
    assert caught.value.retry_after_s == 9.0


def test_every_call_has_a_deadline(server: SpeechServer, connection: Connection) -> None:
    speech = speech_input("Hello.", "amy", Manner())
    config = voices_pb2.CreateVoiceConfig(voice_id="anna", language="en")
    upload = [
        voices_pb2.CreateVoiceRequest(config=config),
        voices_pb2.CreateVoiceRequest(consent_data=b"consent"),
    ]
    connection.list_voices()
    connection.list_languages()
    connection.create_voice(upload, UNARY_TIMEOUT_S)
    speak_text(connection, speech, Subtitles.NONE)
    assert hear(connection)
    assert len(server.deadlines_s) == 5
    assert [each for each in server.deadlines_s if each is None or each > DIFYS_OWN_S] == []
