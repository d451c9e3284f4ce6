"""The real backend broken on purpose: every error is of the right class and says what to do."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from backend.server import _OPTIONS as SERVER_OPTIONS
from plugin.gpt_sovits.connection import CHANNEL_OPTIONS
from tests.e2e.backend_process import BackendProcess
from tests.e2e.dify import Dify, failure
from tests.e2e.sessions import PluginError
from tests.plugin.sound import is_bare_mp3

LONG = " ".join(f"The train number {number} is late because of the rain." for number in range(40))


@pytest.fixture
def voice(real_dify: Dify) -> str:
    """A voice of the starter bundle."""
    return real_dify.voices("en-US")[0]["value"]


@contextmanager
def held(backend: BackendProcess) -> Iterator[None]:
    """Hold the backend still, as a machine that swaps or hangs would."""
    os.kill(backend.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(backend.pid, signal.SIGCONT)


def rest_of(pieces: Iterator[bytes]) -> PluginError:
    """Return the error that a speech ends with which has begun."""
    with pytest.raises(PluginError) as caught:
        for piece in pieces:
            assert is_bare_mp3(piece)
    return caught.value


def test_a_server_that_stalls_in_mid_speech_is_given_up(
    real_dify: Dify, backend: BackendProcess, voice: str
) -> None:
    pieces = real_dify.with_credentials(longest_pause="2").pieces(LONG, voice)
    assert is_bare_mp3(next(pieces))
    with held(backend):
        error = rest_of(pieces)
    assert error.error_type == "InvokeServerUnavailableError"
    assert "The speech broke off" in error.message
    assert "sent nothing for 2 s. See whether it is overloaded" in error.message


def test_a_server_that_is_killed_in_mid_speech_is_a_lost_connection(
    real_dify: Dify, backend: BackendProcess, voice: str
) -> None:
    pieces = real_dify.pieces(LONG, voice)
    assert is_bare_mp3(next(pieces))
    backend.kill()
    error = rest_of(pieces)
    backend.start()
    assert error.error_type == "InvokeServerUnavailableError"
    assert f"speech server at {backend.address} was lost" in error.message
    assert "have the text spoken again" in error.message
    assert is_bare_mp3(real_dify.speak("Good morning.", voice).sound)


def test_a_server_that_never_begins_is_given_up_after_the_timeout(
    real_dify: Dify, backend: BackendProcess, voice: str
) -> None:
    began = time.monotonic()
    with held(backend):
        error = failure(real_dify.with_credentials(timeout="2").speak, "Hello.", voice)
    assert 2.0 <= time.monotonic() - began < 20.0
    assert error.error_type == "InvokeConnectionError"
    assert "nothing for 2 s" in error.message
    assert "raise the timeout" in error.message


def test_a_server_that_hangs_is_no_reason_for_an_empty_list(
    real_dify: Dify, backend: BackendProcess
) -> None:
    known = real_dify.voices("en-US")
    with held(backend):
        assert real_dify.voices("en-US") == known
        assert real_dify.schema()["model_properties"]["voices"]


@pytest.mark.parametrize(
    ("changes", "kind", "advice"),
    [
        ({"api_key": "wrong-secret"}, "InvokeAuthorizationError", "Enter a key that it knows"),
        ({"api_key": ""}, "InvokeAuthorizationError", "Enter one in the settings"),
        ({"tls": "public"}, "InvokeConnectionError", "does not speak TLS"),
        ({"server_address": "127.0.0.1:1"}, "InvokeConnectionError", "Check that it runs"),
        ({"language": "ru"}, "InvokeBadRequestError", "Choose another language"),
        ({"speed": "9"}, "InvokeBadRequestError", "Enter a number from 0.25 to 4"),
    ],
)
def test_wrong_settings_are_refused_with_what_to_do(
    real_dify: Dify, voice: str, changes: dict[str, str], kind: str, advice: str
) -> None:
    error = failure(real_dify.with_credentials(**changes).speak, "Hello.", voice)
    assert error.error_type == kind
    assert error.message.startswith("[gpt_sovits]")
    assert advice in error.message
    assert "wrong-secret" not in error.message + error.args_text


@pytest.mark.parametrize("stranger", ["nobody-at-all", "FunAudioLLM/CosyVoice2-0.5B:alex"])
def test_a_voice_that_there_is_not_is_refused_with_those_there_are(
    real_dify: Dify, stranger: str
) -> None:
    error = failure(real_dify.speak, "Hello.", stranger)
    assert error.error_type == "InvokeBadRequestError"
    known = sorted(each["value"] for each in real_dify.voices(None))
    assert f"Choose one of: {', '.join(known)}" in error.message


@pytest.mark.parametrize("words", [20_000, 1_000_000])
def test_a_text_that_is_too_long_is_refused_at_once(
    real_dify: Dify, voice: str, words: int
) -> None:
    error = failure(real_dify.speak, "word " * words, voice)
    assert error.error_type == "InvokeBadRequestError"
    assert "in parts" in error.message


def test_the_server_bears_how_often_it_is_asked_whether_it_is_there() -> None:
    ours, servers = dict(CHANNEL_OPTIONS), dict(SERVER_OPTIONS)
    assert ours["grpc.keepalive_time_ms"] >= servers["grpc.http2.min_ping_interval_without_data_ms"]
    assert ours["grpc.keepalive_timeout_ms"] < ours["grpc.keepalive_time_ms"]
