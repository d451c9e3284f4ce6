"""Encrypted connections, with an authority made for the test."""

from __future__ import annotations

import traceback
from collections.abc import Iterator

import grpc
import pytest
import trustme

from plugin.gpt_sovits import errors
from plugin.gpt_sovits.connection import Connection
from plugin.gpt_sovits.settings import read_settings
from tests.plugin.listening import hear
from tests.plugin.sound import tone_mp3
from tests.plugin.speech_server import API_KEY, SpeechServer


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    """A certificate authority of our own."""
    return trustme.CA()


@pytest.fixture
def server(authority: trustme.CA) -> Iterator[SpeechServer]:
    """A server with a certificate of that authority."""
    issued = authority.issue_cert("localhost", "127.0.0.1")
    chain = b"".join(blob.bytes() for blob in issued.cert_chain_pems)
    credentials = grpc.ssl_server_credentials([(issued.private_key_pem.bytes(), chain)])
    server = SpeechServer(tls=credentials)
    yield server
    server.stop()


def connect(server: SpeechServer, **form: str) -> Connection:
    """Return a connection as the form describes it."""
    filled = {"server_address": server.address, "api_key": API_KEY, **form}
    return Connection(read_settings(filled).endpoint, sleep=lambda _: None)


def test_an_own_authority_is_trusted_even_with_its_line_breaks_lost(
    server: SpeechServer, authority: trustme.CA
) -> None:
    pem = authority.cert_pem.bytes().decode().replace("\n", " ")
    connection = connect(server, tls="own_ca", ca_certificate=pem)
    assert hear(connection) == tone_mp3(2.0)
    connection.close()


@pytest.fixture
def strict_server(authority: trustme.CA) -> Iterator[SpeechServer]:
    """A server that speaks only to clients with a certificate of that authority."""
    issued = authority.issue_cert("localhost", "127.0.0.1")
    chain = b"".join(blob.bytes() for blob in issued.cert_chain_pems)
    credentials = grpc.ssl_server_credentials(
        [(issued.private_key_pem.bytes(), chain)],
        root_certificates=authority.cert_pem.bytes(),
        require_client_auth=True,
    )
    server = SpeechServer(tls=credentials)
    yield server
    server.stop()


def client_form(server_authority: trustme.CA, client_authority: trustme.CA) -> dict[str, str]:
    """Return the form of a client with a certificate of `client_authority`."""
    issued = client_authority.issue_cert("dify@example.org")
    chain = b"".join(blob.bytes() for blob in issued.cert_chain_pems)
    return {
        "tls": "mutual",
        "mutual_ca_certificate": server_authority.cert_pem.bytes().decode(),
        "client_certificate": chain.decode().replace("\n", " "),
        "client_key": issued.private_key_pem.bytes().decode().replace("\n", " "),
    }


def test_a_client_certificate_opens_a_server_that_asks_for_one(
    strict_server: SpeechServer, authority: trustme.CA
) -> None:
    connection = connect(strict_server, **client_form(authority, authority))
    assert hear(connection) == tone_mp3(2.0)
    connection.close()


def test_without_a_client_certificate_such_a_server_stays_closed(
    strict_server: SpeechServer, authority: trustme.CA
) -> None:
    pem = authority.cert_pem.bytes().decode()
    connection = connect(strict_server, tls="own_ca", ca_certificate=pem)
    with pytest.raises(errors.ConnectionFailedError, match="TLS choice"):
        hear(connection)
    connection.close()
    assert strict_server.requests == []


def test_a_client_certificate_of_a_stranger_is_refused(
    strict_server: SpeechServer, authority: trustme.CA
) -> None:
    form = client_form(authority, trustme.CA())
    connection = connect(strict_server, **form)
    with pytest.raises(errors.ConnectionFailedError) as caught:
        hear(connection)
    connection.close()
    assert "PRIVATE KEY" not in "".join(traceback.format_exception(caught.value))


def test_a_key_that_is_not_the_certificates_is_not_accepted(
    strict_server: SpeechServer, authority: trustme.CA
) -> None:
    form = client_form(authority, authority)
    form["client_key"] = client_form(authority, authority)["client_key"]
    connection = connect(strict_server, **form)
    with pytest.raises(errors.ConnectionFailedError, match="belongs to another certificate"):
        hear(connection)
    connection.close()


@pytest.mark.parametrize(
    ("form", "advice"),
    [
        ({"tls": "public"}, "not trusted.*make that the TLS choice and paste"),
        ({"tls": "off"}, "Check the TLS choice"),
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
    stranger = trustme.CA().cert_pem.bytes().decode()
    connection = connect(server, tls="own_ca", ca_certificate=stranger)
    with pytest.raises(errors.ConnectionFailedError, match="not trusted"):
        hear(connection)
    connection.close()


def test_a_server_without_tls_is_told_from_one_that_is_away(authority: trustme.CA) -> None:
    plain, pem = SpeechServer(), authority.cert_pem.bytes().decode()
    connection = connect(plain, tls="own_ca", ca_certificate=pem)
    with pytest.raises(errors.ConnectionFailedError, match="does not speak TLS"):
        hear(connection)
    connection.close()
    plain.stop()


def test_a_certificate_for_another_name_is_told_apart(authority: trustme.CA) -> None:
    issued = authority.issue_cert("tts.example.org")
    chain = b"".join(blob.bytes() for blob in issued.cert_chain_pems)
    other = SpeechServer(tls=grpc.ssl_server_credentials([(issued.private_key_pem.bytes(), chain)]))
    pem = authority.cert_pem.bytes().decode()
    connection = connect(other, tls="own_ca", ca_certificate=pem)
    with pytest.raises(errors.ConnectionFailedError, match="certificate for another name"):
        hear(connection)
    connection.close()
    other.stop()
