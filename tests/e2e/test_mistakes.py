"""What an administrator may get wrong, and what becomes of it meanwhile: messages that help."""

from __future__ import annotations

import socket
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.e2e.daemon import PluginProcess
from tests.e2e.dify import Dify, failure
from tests.plugin.sound import tone_mp3
from tests.plugin.speech_server import API_KEY, SpeechServer


@pytest.fixture
def dify(plugin_process: PluginProcess, server: SpeechServer) -> Dify:
    """A workspace with that server."""
    return Dify(plugin_process, {"server_address": server.address, "api_key": API_KEY})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"api_key": "wrong-secret"}, "does not know this API key"),
        ({"server_address": "127.0.0.1:1"}, "cannot be reached"),
        ({"server_address": "not an address"}, "host:port. Enter it like tts.example.org:50051"),
        ({"server_address": "u:wrong-secret@tts:1"}, "and the key in its own field"),
        ({"api_key": "wrong-secret and more"}, "Copy it again"),
        ({"tls": "own_ca"}, "certificate of your authority is missing"),
        ({"tls": "own_ca", "ca_certificate": "wrong-secret"}, "not a certificate in PEM. Paste"),
        ({"tls": "mutual", "client_certificate": ""}, "certificate of Dify is missing"),
        ({"timeout": "0"}, "Enter a number from 1 to 500"),
        ({"default_voice": "nobody"}, "amy, ken"),
        ({"language": "ko"}, "en, ja, zh"),
        ({"speed": "9"}, "Enter a number from 0.25 to 4"),
        ({"tls": "public"}, "does not speak TLS"),
    ],
)
def test_bad_credentials_are_refused_with_what_to_do(
    dify: Dify, changes: dict[str, str], message: str
) -> None:
    error = failure(dify.with_credentials(**changes).validate)
    assert error.error_type == "CredentialsValidateFailedError"
    assert message in error.message
    assert dify.with_credentials(**changes).schema(), "without one the model would vanish"
    assert "wrong-secret" not in error.message + error.args_text + dify.plugin.log


def test_an_address_with_a_scheme_and_a_key_with_blanks_around_it_will_do(dify: Dify) -> None:
    address = f"http://{dify.credentials['server_address']}/"
    pasted = dify.with_credentials(server_address=address, api_key=f" {API_KEY}\r\n")
    assert pasted.validate() is True


@pytest.mark.parametrize(
    ("answer", "advice"),
    [
        (b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n", "speaks HTTP and no gRPC"),
        (b"<!DOCTYPE HTML><title>Error response</title>", "speaks HTTP and no gRPC"),
        (b"\x15\x03\x03\x00\x02\x02\x46", "it is off, and the server may speak TLS"),
    ],
    ids=["HTTP/1.1", "HTTP/0.9", "TLS"],
)
def test_a_server_that_is_none_of_speech_is_told_apart(
    dify: Dify, answer: bytes, advice: str
) -> None:
    with stranger(answer) as address:
        error = failure(dify.with_credentials(server_address=address).validate)
    assert advice in error.message


def test_a_server_that_takes_calls_and_never_answers_is_given_up_in_seconds(dify: Dify) -> None:
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        address = f"127.0.0.1:{deaf.getsockname()[1]}"
        error = failure(dify.with_credentials(server_address=address, timeout="500").validate)
    assert "cannot be reached" in error.message


@contextmanager
def stranger(answer: bytes) -> Iterator[str]:
    """Run a server that says the same to all who come; yield its address."""

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            self.request.recv(24)  # what HTTP/2 begins with
            self.request.sendall(answer)

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        serving = threading.Thread(target=server.serve_forever)
        serving.start()
        yield f"127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        serving.join()


def test_a_voice_that_was_deleted_meanwhile_is_refused_with_those_left(
    dify: Dify, server: SpeechServer
) -> None:
    assert dify.speak("Hello.", "ken").sound
    assert "ken" in [each["mode"] for each in dify.schema()["model_properties"]["voices"]]
    server.behaviour.voices.pop()
    error = failure(dify.speak, "Hello.", "ken")
    assert error.error_type == "InvokeBadRequestError"
    assert error.message.endswith("Choose one of: amy.")
    assert [each["value"] for each in dify.voices("ja-JP")] == ["amy"]
    saved_again = failure(dify.with_credentials(default_voice="ken").validate)
    assert "has no voice 'ken'. Leave the field empty or choose one of: amy" in saved_again.message


def test_a_server_that_was_upgraded_still_speaks(dify: Dify, server: SpeechServer) -> None:
    server.behaviour.newer = True
    assert dify.validate() is True
    assert dify.speak("Hello.", "amy").sound == tone_mp3(2.0)
    assert len(dify.voices(None)) == len(dify.schema()["model_properties"]["voices"]) == 2


def test_what_went_wrong_is_in_difys_log(dify: Dify) -> None:
    away = dify.with_credentials(server_address="127.0.0.1:2")
    assert away.schema()["model_properties"]["voices"] == []
    assert "the voices of my-voices are not known: The speech server at" in dify.plugin.log
