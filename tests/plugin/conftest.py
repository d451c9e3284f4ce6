"""A speech server for each test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from plugin.gpt_sovits.connection import Connection
from plugin.gpt_sovits.endpoint import Endpoint
from tests.plugin.speech_server import API_KEY, SpeechServer


@pytest.fixture
def server() -> Iterator[SpeechServer]:
    """A running server of this test's own."""
    server = SpeechServer()
    yield server
    server.stop()


@pytest.fixture
def connection(server: SpeechServer) -> Iterator[Connection]:
    """A connection to it with the right key, which does not wait between attempts."""
    connection = Connection(Endpoint(server.address, API_KEY), sleep=lambda _: None)
    yield connection
    connection.close()
