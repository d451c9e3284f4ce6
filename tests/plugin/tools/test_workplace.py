"""What a node works with."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from plugin.gpt_sovits.connection import Connection
from plugin.gpt_sovits.endpoint import Endpoint
from plugin.gpt_sovits.errors import SettingError
from plugin.gpt_sovits.pool import Server, shared_pool
from plugin.gpt_sovits.settings import Expression, Manner, Settings, SoundFormat
from plugin.gpt_sovits.voices import VoiceCatalogue
from plugin.tools.workplace import Workplace, open_workplace, read_language, read_manner

PEM = "-----BEGIN {0}-----\nQUJD\n-----END {0}-----\n"


@pytest.fixture
def workplace(connection: Connection) -> Iterator[Workplace]:
    """A node's workplace at the test's server."""
    server = Server(connection, VoiceCatalogue(connection), 0.0)
    yield Workplace(Settings(connection.endpoint, default_voice=""), server)


def test_the_parameters_of_a_node_say_how_to_speak() -> None:
    given = {"language": "ja", "speed": 1.5, "expression": "steady", "format": "wav"}
    assert read_manner(given) == Manner("ja", 1.5, Expression.STEADY, SoundFormat.WAV)
    assert read_manner({"language": "voice"}).language == ""
    assert read_manner({"speed": None, "language": None}) == Manner()


@pytest.mark.parametrize("written", ["en", "EN", "en-US", "en_us", " En "])
def test_a_language_may_be_written_as_language_models_and_browsers_do(written: str) -> None:
    assert read_language({"language": written}, "language") == "en"
    assert read_manner({"language": written}).language == "en"


@pytest.mark.parametrize("given", [{"speed": 9}, {"speed": "fast"}, {"format": "midi"}])
def test_a_wrong_parameter_is_refused(given: dict[str, object]) -> None:
    with pytest.raises(SettingError):
        read_manner(given)


def test_a_node_speaks_in_the_wanted_voice_or_the_default_or_the_first(
    workplace: Workplace,
) -> None:
    assert workplace.voice("ken", "Hello", "auto") == "ken"
    assert workplace.voice("", "Hello", "auto") == "amy"
    assert workplace.voice("", "こんにちは", "auto") == "ken"
    with_default = Settings(workplace.settings.endpoint, default_voice="ken")
    assert Workplace(with_default, workplace.server).voice("", "Hello", "auto") == "ken"


def test_one_field_of_the_form_serves_both_ways_of_tls() -> None:
    form = {
        "server_address": "tts",
        "tls": "mutual",
        "ca_certificate": PEM.format("CERTIFICATE"),
        "client_certificate": PEM.format("CERTIFICATE"),
        "client_key": PEM.format("PRIVATE KEY"),
    }
    endpoint: Endpoint = open_workplace(form).settings.endpoint
    shared_pool().close()
    assert endpoint.ca_certificate == PEM.format("CERTIFICATE")
