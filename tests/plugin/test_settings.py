"""The credential form."""

from __future__ import annotations

import pytest

from plugin.gpt_sovits.endpoint import Proxy, Tls
from plugin.gpt_sovits.errors import SettingError
from plugin.gpt_sovits.settings import (
    Expression,
    Manner,
    SoundFormat,
    read_settings,
    voice_id,
    voice_language,
)

PEM = "-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n".format("QUJD" * 30)


def test_an_address_alone_is_enough() -> None:
    settings = read_settings({"server_address": "tts.example.org"})
    assert settings.endpoint.address == "tts.example.org:50051"
    assert settings.endpoint.tls is Tls.OFF
    assert settings.endpoint.proxy is Proxy.DIRECT
    assert (settings.manner, settings.timeout_s) == (Manner("auto", 1.0), 60.0)
    assert settings.pause_s == 4.0


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("10.0.0.7:6000", "10.0.0.7:6000"),
        (" grpc://tts:50052/ ", "tts:50052"),
        ("https://tts.example.org", "tts.example.org:50051"),
        ("HTTP://tts:50051", "tts:50051"),
        ("10.0.0.7：50051", "10.0.0.7:50051"),
        ("ｔｔｓ．example．org", "tts.example.org:50051"),
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


@pytest.mark.parametrize("text", ["::1", "fd00::1:50051", "2001:db8::5", "fe80::1%eth0"])
def test_an_ipv6_address_without_brackets_is_told_where_they_belong(text: str) -> None:
    with pytest.raises(SettingError, match=r"in brackets, like \[fd00::1\]:50051") as caught:
        read_settings({"server_address": text})
    assert caught.value.field == "server_address"


@pytest.mark.parametrize("text", ["grpc://user:secret@tts:50051", "tts:50051?key=secret"])
def test_a_key_within_the_address_is_refused_without_being_quoted(text: str) -> None:
    with pytest.raises(SettingError, match="no user and no key") as caught:
        read_settings({"server_address": text})
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("speed", value) for value in ("fast", "0.1", "nan", "5")),
        *(("timeout", value) for value in ("0", "inf", "soon")),
        ("longest_pause", "0"),
        ("tls", "maybe"),
        ("proxy", "perhaps"),
        ("expression", "wild"),
        ("audio_format", "midi"),
    ],
)
def test_a_value_out_of_range_names_its_field(name: str, value: str) -> None:
    with pytest.raises(SettingError) as caught:
        read_settings({"server_address": "tts", name: value})
    assert caught.value.field == name


@pytest.mark.parametrize(("written", "speed"), [("0,5", 0.5), ("1.25", 1.25), ("２", 2.0)])
def test_numbers_are_understood_as_people_write_them(written: str, speed: float) -> None:
    assert read_settings({"server_address": "tts", "speed": written}).manner.speed == speed


def test_a_value_out_of_range_is_told_what_to_enter() -> None:
    for name, limits in (("timeout", "1 to 500"), ("longest_pause", "1 to 120")):
        with pytest.raises(SettingError, match=f"Enter a number from {limits}"):
            read_settings({"server_address": "tts", name: "0"})
    with pytest.raises(SettingError, match=r"audio format is 'midi'\. Choose one of: mp3, wav"):
        read_settings({"server_address": "tts", "audio_format": "midi"})


def test_blanks_around_a_pasted_key_are_taken_off() -> None:
    form = {"server_address": " tts ", "api_key": "\n secret-word\r\n"}
    assert read_settings(form).endpoint.api_key == "secret-word"


@pytest.mark.parametrize("key", ["two words", "two\nlines", "zero\u200bwidth", "schlüssel"])
def test_a_key_with_blanks_within_is_to_be_copied_again(key: str) -> None:
    with pytest.raises(SettingError, match="Copy it again") as caught:
        read_settings({"server_address": "tts", "api_key": key})
    assert key not in str(caught.value)


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


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "certificate of your authority is missing, which the TLS choice needs"),
        ("QUJD", "Paste all of the file"),
        (PEM.replace("QUJD", "?"), "Paste all of the file"),
        (PEM.replace("CERTIFICATE", "PRIVATE KEY"), "is not a certificate in PEM"),
    ],
)
def test_an_own_authority_needs_its_certificate(text: str, message: str) -> None:
    with pytest.raises(SettingError, match=message) as caught:
        read_settings({"server_address": "tts", "tls": "own_ca", "ca_certificate": text})
    assert "QUJD" not in str(caught.value)


def test_the_voices_own_language_is_an_empty_code() -> None:
    assert read_settings({"server_address": "tts", "language": "voice"}).manner.language == ""


def test_the_language_from_dify_is_guessed_where_dify_names_none() -> None:
    settings = read_settings({"server_address": "tts", "language": "dify"})
    assert (settings.language_from_dify, settings.manner.language) == (True, "auto")


def test_presets_are_read() -> None:
    form = {"server_address": "tts", "expression": "lively", "audio_format": "wav"}
    manner = read_settings(form).manner
    assert (manner.expression, manner.expression.temperature) == (Expression.LIVELY, 1.2)
    assert (manner.sound_format, manner.sound_format.mime_type) == (SoundFormat.WAV, "audio/wav")


def test_a_voice_may_be_given_by_id_or_by_name() -> None:
    assert voice_id("alice") == voice_id(" voices/alice ") == voice_id("alice@ja") == "alice"
    assert (voice_language("alice"), voice_language("voices/alice@ja")) == ("", "ja")


KEY = "-----BEGIN {0}PRIVATE KEY-----\n{1}\n-----END {0}PRIVATE KEY-----\n"
MUTUAL = {"server_address": "tts", "tls": "mutual", "client_certificate": PEM}


@pytest.mark.parametrize("kind", ["", "EC ", "RSA "])
@pytest.mark.parametrize("lost", ["\n", "", " "])
def test_a_private_key_survives_the_loss_of_its_line_breaks(kind: str, lost: str) -> None:
    pasted = KEY.format(kind, "QUJD" * 30).replace("\n", lost)
    endpoint = read_settings({**MUTUAL, "client_key": pasted}).endpoint
    assert endpoint.client_key.splitlines()[0] == f"-----BEGIN {kind}PRIVATE KEY-----"
    assert "".join(endpoint.client_key.splitlines()[1:-1]) == "QUJD" * 30
    assert "QUJD" not in repr(endpoint)


@pytest.mark.parametrize(
    ("key", "message"),
    [
        ("", "private key is missing"),
        ("c2VjcmV0", "in PEM"),
        (KEY.format("", "c2VjcmV0?"), "in PEM"),
        (PEM, "in PEM"),
        (KEY.format("ENCRYPTED ", "c2VjcmV0"), "password"),
    ],
)
def test_a_wrong_private_key_is_refused_without_being_quoted(key: str, message: str) -> None:
    with pytest.raises(SettingError, match=message) as caught:
        read_settings({**MUTUAL, "client_key": key})
    assert caught.value.field == "client_key"
    assert "c2VjcmV0" not in str(caught.value)


def test_mutual_tls_needs_a_certificate() -> None:
    with pytest.raises(SettingError) as caught:
        read_settings({**MUTUAL, "client_certificate": "", "client_key": KEY.format("", "QUJD")})
    assert caught.value.field == "client_certificate"


def test_certificates_of_another_choice_are_left_out() -> None:
    form = {**MUTUAL, "tls": "off", "ca_certificate": "x", "client_key": "y"}
    endpoint = read_settings(form).endpoint
    assert (endpoint.ca_certificate, endpoint.client_certificate, endpoint.client_key) == ("",) * 3
