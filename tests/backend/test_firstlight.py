"""`make run` with a server of tones: the sentence, the messages, the end."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from backend.config import Settings
from backend.firstlight import first_light
from tests.source_tree import ROOT

TONE_SERVER = """
import asyncio, sys
from pathlib import Path
from backend.config import Settings
from backend.engines import LoadedBundle
from backend.server import TtsServer, run_until_signal
from tests.backend.tones import ToneBundle, ToneScheduler

async def serve(port, data):
    server = TtsServer(Settings(port=port, data_dir=Path(data), drain_s=1))
    server.bind()
    await run_until_signal(server, [LoadedBundle(ToneBundle(), ToneScheduler())])

asyncio.run(serve(int(sys.argv[1]), sys.argv[2]))
"""
VOICELESS_SERVER = TONE_SERVER.replace(
    "async def serve", "class Voiceless(ToneBundle):\n    builtin_voices = {}\n\nasync def serve"
).replace("ToneBundle(),", "Voiceless(),")
WHOLE = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # a job in the background ignores it
from pathlib import Path
from backend.config import Settings
from backend.firstlight import first_light
command, port, out = sys.argv[3:], int(sys.argv[1]), Path(sys.argv[2])
sys.exit(first_light(command, Settings(port=port), out, oneshot=False))
"""


@pytest.fixture
def port() -> int:
    """A port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def tone_server(port: int, folder: Path) -> list[str]:
    """Return the command of a server of tones."""
    return [sys.executable, "-c", TONE_SERVER, str(port), str(folder / "data")]


@pytest.fixture(autouse=True)
def at_the_root(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let child processes find the tests' modules."""
    monkeypatch.chdir(ROOT)


@pytest.fixture(autouse=True)
def signals_as_before() -> object:
    """Put the handler back that `first_light` replaces."""
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


def test_one_shot_leaves_the_sentence_and_tells_the_speed(
    port: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "deep" / "hello.mp3"
    assert first_light(tone_server(port, tmp_path), Settings(port=port), out, oneshot=True) == 0
    printed = capsys.readouterr().out
    assert out.stat().st_size > 1000
    assert "alto says" in printed
    assert "first audio after" in printed
    assert "real-time factor" in printed
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", port)) != 0, "the server must be gone"


def test_server_with_tls_serves_without_a_first_sentence(
    port: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = Settings(port=port, tls_cert=tmp_path / "a.pem", tls_key=tmp_path / "a.key")
    serves_a_while = [sys.executable, "-c", "import time; time.sleep(0.5)"]
    assert first_light(serves_a_while, settings, tmp_path / "a.mp3", oneshot=False) == 0
    printed = capsys.readouterr().out
    assert "with TLS on, no first sentence is spoken" in printed
    assert f"serving on 127.0.0.1:{port}" in printed


def test_server_without_voices_says_how_to_make_one(
    port: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = [sys.executable, "-c", VOICELESS_SERVER, str(port), str(tmp_path / "data")]
    with pytest.raises(typer.Exit) as ended:
        first_light(command, Settings(port=port), tmp_path / "hello.mp3", oneshot=True)
    assert ended.value.exit_code == 1
    assert "voices create" in capsys.readouterr().out


def test_taken_port_is_named_with_a_way_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = holder.getsockname()[1]
        with pytest.raises(typer.Exit) as ended:
            first_light(["false"], Settings(port=port), tmp_path / "hello.mp3", oneshot=True)
    assert ended.value.exit_code == 1
    assert f"port {port} is in use" in capsys.readouterr().err


def test_server_that_dies_early_is_noticed_at_once(
    port: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = [sys.executable, "-c", "import sys; sys.exit(3)"]
    with pytest.raises(typer.Exit) as ended:
        first_light(command, Settings(port=port), tmp_path / "hello.mp3", oneshot=True)
    assert ended.value.exit_code == 1
    assert "ended with status 3" in capsys.readouterr().err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_keeps_serving_until_a_signal_and_ends_well(
    port: int, tmp_path: Path, number: signal.Signals
) -> None:
    command = [sys.executable, "-c", WHOLE, str(port), str(tmp_path / "hello.mp3")]
    process = subprocess.Popen(
        [*command, *tone_server(port, tmp_path)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    assert process.stdout is not None
    with process:
        for line in process.stdout:
            if "Ctrl-C stops" in line:
                break
        with socket.socket() as probe:
            assert probe.connect_ex(("127.0.0.1", port)) == 0
        process.send_signal(number)
        assert process.wait(60) == 0
