"""The credential form."""

from __future__ import annotations

import pytest

from plugin.gpt_sovits.errors import SettingError
from plugin.gpt_sovits.settings import Tls, read_settings, voice_id

PEM = "-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n".format("QUJD" * 30)


def test_an_address_alone_is_enough() -> None:
    settings = read_settings({"server_address": "tts.example.org"})
    assert settings.endpoint.address == "tts.example.org:50051"
    assert settings.endpoint.tls is Tls.OFF
    assert (settings.language, settings.speed, settings.timeout_s) == ("auto", 1.0, 60.0)


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("10.0.0.7:6000", "10.0.0.7:6000"),
        (" grpc://tts:50052/ ", "tts:50052"),
        ("https://tts.example.org", "tts.example.org:50051"),
        ("[fd00::1]:50052", "[fd00::1]:50052"),
        ("[fd00::1]", "[fd00::1]:50051"),
    ],
)
def test_addresses_are_understood_as_people_write_them(text: str, address: str) -> None:
    assert read_settings({"server_address": text}).endpoint.address == address


@pytest.mark.parametrize("text", ["", "tts:port", "tts:0", "tts:70000", "a b:1", "tts:50051/path"])
def test_a_wrong_address_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(SettingError, match=r"tts\.example\.org:50051") as caught:
        read_settings({"server_address": text})
    assert caught.value.field == "server_address"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("speed", value) for value in ("fast", "0.1", "nan", "5")),
        *(("timeout", value) for value in ("0", "inf", "soon")),
        ("tls", "maybe"),
    ],
)
def test_a_value_out_of_range_names_its_field(name: str, value: str) -> None:
    with pytest.raises(SettingError) as caught:
        read_settings({"server_address": "tts", name: value})
    assert caught.value.field == name


def test_a_key_that_cannot_be_sent_is_refused_without_being_quoted() -> None:
    with pytest.raises(SettingError) as caught:
        read_settings({"server_address": "tts", "api_key": "secret\nword"})
    assert "secret" not in str(caught.value)


def test_the_key_is_in_no_representation() -> None:
    settings = read_settings({"server_address": "tts", "api_key": "secret-word"})
    assert settings.endpoint.api_key == "secret-word"
    assert "secret-word" not in repr(settings)


@pytest.mark.parametrize("lost", ["", " ", "\\n"])
def test_a_certificate_survives_the_loss_of_its_line_breaks(lost: str) -> None:
    form = {"server_address": "tts", "tls": "own_ca", "ca_certificate": PEM.replace("\n", lost)}
    lines = read_settings(form).endpoint.ca_certificate.splitlines()
    assert lines[0] == "-----BEGIN CERTIFICATE-----"
    assert lines[-1] == "-----END CERTIFICATE-----"
    assert "".join(lines[1:-1]) == "QUJD" * 30
    assert max(map(len, lines[1:-1])) == 64


@pytest.mark.parametrize("text", ["", "QUJD", PEM.replace("QUJD", "?")])
def test_an_own_authority_needs_its_certificate(text: str) -> None:
    with pytest.raises(SettingError, match="PEM"):
        read_settings({"server_address": "tts", "tls": "own_ca", "ca_certificate": text})


def test_the_voices_own_language_is_an_empty_code() -> None:
    assert read_settings({"server_address": "tts", "language": "voice"}).language == ""


def test_a_voice_may_be_given_by_id_or_by_name() -> None:
    assert voice_id("alice") == voice_id(" voices/alice ") == "alice"
