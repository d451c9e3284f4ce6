"""Encrypted connections, with an authority made for the test."""

from __future__ import annotations

import shlex
import subprocess
import traceback
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest
import trustme

from plugin.gpt_sovits import errors
from plugin.gpt_sovits.connection import Connection
from plugin.gpt_sovits.settings import read_settings
from tests.plugin.certificates import caller_form, issue, pem, server_credentials
from tests.plugin.held import ROOT
from tests.plugin.listening import hear
from tests.plugin.sound import tone_mp3
from tests.plugin.speech_server import API_KEY, SpeechServer

HERE = "DNS:localhost,IP:127.0.0.1"


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    """A certificate authority of our own."""
    return trustme.CA()


@pytest.fixture
def server(authority: trustme.CA) -> Iterator[SpeechServer]:
    """A server with a certificate of that authority."""
    server = SpeechServer(tls=server_credentials(authority))
    yield server
    server.stop()


def connect(server: SpeechServer, **form: str) -> Connection:
    """Return a connection as the form describes it."""
    filled = {"server_address": server.address, "api_key": API_KEY, **form}
    return Connection(read_settings(filled).endpoint, sleep=lambda _: None)


def test_an_own_authority_is_trusted_even_with_its_line_breaks_lost(
    server: SpeechServer, authority: trustme.CA
) -> None:
    pasted = pem(authority).replace("\n", " ")
    connection = connect(server, tls="own_ca", ca_certificate=pasted)
    assert hear(connection) == tone_mp3(2.0)
    connection.close()


@pytest.fixture
def strict_server(authority: trustme.CA) -> Iterator[SpeechServer]:
    """A server that speaks only to clients with a certificate of that authority."""
    server = SpeechServer(tls=server_credentials(authority, strict=True))
    yield server
    server.stop()


def test_a_client_certificate_opens_a_server_that_asks_for_one(
    strict_server: SpeechServer, authority: trustme.CA
) -> None:
    connection = connect(strict_server, **caller_form(authority, issue(authority)))
    assert hear(connection) == tone_mp3(2.0)
    connection.close()


def test_without_a_client_certificate_such_a_server_stays_closed(
    strict_server: SpeechServer, authority: trustme.CA
) -> None:
    connection = connect(strict_server, tls="own_ca", ca_certificate=pem(authority))
    with pytest.raises(errors.ConnectionFailedError, match=r"client's certificate.*choose.*mTLS"):
        hear(connection)
    connection.close()
    assert strict_server.requests == []


def test_a_client_certificate_of_a_stranger_is_refused(
    strict_server: SpeechServer, authority: trustme.CA
) -> None:
    form = caller_form(authority, issue(trustme.CA()))
    connection = connect(strict_server, **form)
    with pytest.raises(errors.ConnectionFailedError, match="must be of the authority") as caught:
        hear(connection)
    connection.close()
    assert "PRIVATE KEY" not in "".join(traceback.format_exception(caught.value))


def test_a_key_that_is_not_the_certificates_is_not_accepted(
    strict_server: SpeechServer, authority: trustme.CA
) -> None:
    form = caller_form(authority, issue(authority))
    form["client_key"] = caller_form(authority, issue(authority))["client_key"]
    connection = connect(strict_server, **form)
    with pytest.raises(errors.ConnectionFailedError, match="belongs to another certificate"):
        hear(connection)
    connection.close()


@pytest.mark.parametrize(
    ("form", "advice"),
    [
        ({"tls": "public"}, "not trusted.*make that the TLS choice and paste"),
        ({"tls": "off"}, "TLS choice: it is off, and the server may speak TLS"),
    ],
)
def test_a_server_that_cannot_prove_itself_is_not_spoken_to(
    server: SpeechServer, form: dict[str, str], advice: str
) -> None:
    connection = connect(server, **form)
    with pytest.raises(errors.ConnectionFailedError, match=advice):
        hear(connection)
    connection.close()
    assert server.requests == []


def test_another_authority_is_not_trusted(server: SpeechServer) -> None:
    connection = connect(server, tls="own_ca", ca_certificate=pem(trustme.CA()))
    with pytest.raises(errors.ConnectionFailedError, match="not trusted"):
        hear(connection)
    connection.close()


def test_a_server_without_tls_is_told_from_one_that_is_away(authority: trustme.CA) -> None:
    plain = SpeechServer()
    connection = connect(plain, tls="own_ca", ca_certificate=pem(authority))
    with pytest.raises(errors.ConnectionFailedError, match="does not speak TLS"):
        hear(connection)
    connection.close()
    plain.stop()


def test_a_certificate_for_another_name_is_told_apart(authority: trustme.CA) -> None:
    other = SpeechServer(tls=server_credentials(authority, "tts.example.org"))
    connection = connect(other, tls="own_ca", ca_certificate=pem(authority))
    with pytest.raises(errors.ConnectionFailedError, match="certificate for another name"):
        hear(connection)
    connection.close()
    other.stop()


def openssl_commands() -> list[list[str]]:
    """Return the commands of the README that make certificates, for a server on this machine."""
    text = (ROOT / "plugin" / "README.md").read_text("utf-8")
    section = text.partition("\n## Encryption\n")[2].partition("\n## ")[0]
    block = section.partition("```sh\n")[2].partition("```")[0].replace("\\\n", " ")
    return [shlex.split(line.replace("DNS:tts.example.org", HERE)) for line in block.splitlines()]


def test_certificates_that_are_made_as_the_readme_says_open_the_server(tmp_path: Path) -> None:
    commands = openssl_commands()
    assert [command[0] for command in commands] == ["openssl"] * 3
    for command in commands:
        subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    pasted = {path.name: path.read_text("utf-8").replace("\n", " ") for path in tmp_path.iterdir()}
    pair = ((tmp_path / "server.key").read_bytes(), (tmp_path / "server.pem").read_bytes())
    trusted = (tmp_path / "authority.pem").read_bytes()
    server = SpeechServer(tls=grpc.ssl_server_credentials([pair], trusted, True))
    connection = connect(
        server,
        tls="mutual",
        mutual_ca_certificate=pasted["authority.pem"],
        client_certificate=pasted["dify.pem"],
        client_key=pasted["dify.key"],
    )
    assert hear(connection) == tone_mp3(2.0)
    connection.close()
    server.stop()
