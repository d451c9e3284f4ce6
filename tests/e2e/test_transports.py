"""The package over each of Dify's transports, with the newest SDK and the oldest."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from pathlib import Path

import pytest
import trustme

from tests.e2e.crowd import serve_sixty_at_once
from tests.e2e.daemon import PluginProcess
from tests.e2e.dify import Dify, failure
from tests.e2e.package_install import plugin_python, unpack_plugin
from tests.e2e.remote import INSTALL_KEY, RemotePlugin
from tests.e2e.serverless import ServerlessPlugin
from tests.e2e.sessions import PluginSide
from tests.plugin.certificates import DAMAGED, caller_form, issue, pem, server_credentials
from tests.plugin.sound import tone_mp3
from tests.plugin.speech_server import API_KEY, SpeechServer

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module", params=product(["newest", "oldest"], ["stdio", "tcp", "http"]))
def side(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[PluginSide]:
    """The packaged plugin over one transport, with one end of the SDK's versions."""
    sdk, transport = request.param
    unpacked = unpack_plugin(tmp_path_factory.mktemp("package"))
    side = start(transport, plugin_python(unpacked, oldest=sdk == "oldest"), unpacked)
    yield side
    side.close()


def start(transport: str, python: Path, unpacked: Path) -> PluginSide:
    """Start the unpacked plugin."""
    if transport == "stdio":
        return PluginProcess(python, unpacked, {})
    if transport == "tcp":
        return RemotePlugin(python, unpacked)
    return ServerlessPlugin(python, unpacked)


@pytest.fixture
def dify(side: PluginSide, server: SpeechServer) -> Dify:
    """A workspace with a server that plays a sound."""
    return Dify(side, {"server_address": server.address, "api_key": API_KEY})


def test_a_form_is_filled_a_voice_chosen_and_speech_heard(dify: Dify) -> None:
    assert dify.validate() is True
    assert dify.voices("ja-JP")[0] == {"name": "Ken (日本語)", "value": "ken"}
    assert [each["mode"] for each in dify.schema()["model_properties"]["voices"]] == ["amy", "ken"]
    assert dify.speak("Good morning.", "amy").sound == tone_mp3(2.0)


def test_sixty_at_once_stream_side_by_side(dify: Dify, server: SpeechServer) -> None:
    serve_sixty_at_once(dify, server)
    assert len(server.callers) == 1, "not one connection"


def test_errors_say_what_to_do_and_show_no_key(dify: Dify) -> None:
    unknown = failure(dify.speak, "Hello.", "nobody-at-all")
    refused = failure(dify.with_credentials(api_key="wrong-secret").speak, "Hello.", "amy")
    mismatched = failure(dify.with_credentials(tls="public").validate)
    assert "does not speak TLS" in mismatched.message
    assert unknown.error_type == "InvokeBadRequestError"
    assert "Choose one of: amy, ken" in unknown.message
    assert refused.error_type == "InvokeAuthorizationError"
    assert "wrong-secret" not in refused.message + refused.args_text


def test_a_client_certificate_opens_a_server_that_asks_for_one(dify: Dify) -> None:
    authority = trustme.CA()
    strict = SpeechServer(tls=server_credentials(authority, strict=True))
    form = {"server_address": strict.address, **caller_form(authority, issue(authority))}
    assert dify.with_credentials(**form).speak("Good morning.", "amy").sound == tone_mp3(2.0)
    strict.stop()


def test_tls_faults_are_told_apart_whatever_the_version_of_grpc(dify: Dify) -> None:
    authority = trustme.CA()
    strict = SpeechServer(tls=server_credentials(authority, strict=True))
    misnamed = SpeechServer(tls=server_credentials(authority, "tts.example.org", strict=True))
    form = {"server_address": strict.address, **caller_form(authority, issue(authority))}
    another = caller_form(authority, issue(authority))
    for changes, advice in (
        ({"tls": "off"}, "it is off, and the server may speak TLS"),
        ({"tls": "own_ca", "ca_certificate": pem(authority)}, "choose TLS both ways (mTLS)"),
        (caller_form(authority, issue(trustme.CA())), "the authority that the server asks for"),
        ({"client_key": another["client_key"]}, "the key belongs to another certificate"),
        ({"client_certificate": DAMAGED}, "one is damaged"),
        ({"mutual_ca_certificate": DAMAGED}, "one is damaged"),
        ({"mutual_ca_certificate": pem(trustme.CA())}, "a certificate that is not trusted"),
        ({"server_address": misnamed.address}, "a certificate for another name"),
    ):
        error = failure(dify.with_credentials(**{**form, **changes}).validate)
        assert advice in error.message
    strict.stop()
    misnamed.stop()


def test_what_is_declared_over_tcp_is_the_package(tmp_path: Path) -> None:
    unpacked = unpack_plugin(tmp_path)
    plugin = RemotePlugin(plugin_python(unpacked), unpacked)
    plugin.close()
    assert plugin.declarations["handshake"] == {"key": INSTALL_KEY}
    assert plugin.declarations["manifest_declaration"]["name"] == "gpt_sovits"
    assert [each["provider"] for each in plugin.declarations["model_declaration"]] == ["gpt_sovits"]
    assert plugin.assets["icon.svg"] == (ROOT / "_assets" / "icon.svg").read_bytes()
