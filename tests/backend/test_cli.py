"""The commands, typed against a real server."""

from __future__ import annotations

import asyncio
import io
import subprocess
import sys
import wave
from pathlib import Path
from typing import ClassVar

import pytest
from click.testing import Result
from typer.testing import CliRunner

from backend.cli.app import app
from backend.cli.dictate import text_as_it_comes
from backend.config import Settings
from tests.backend.harness import Harness, running, tone_wav


async def typed(server: Harness, *arguments: str, key: str = "secret") -> Result:
    """Return what came of a command."""
    address = f"127.0.0.1:{server.server.port}"
    command = [*arguments, "--server", address, "--key", key]
    return await asyncio.to_thread(CliRunner().invoke, app, command)


async def test_say_writes_a_file_and_tells_how_fast_it_was(tmp_path: Path) -> None:
    out = tmp_path / "hello.wav"
    async with running(tmp_path / "data", api_keys="secret") as server:
        said = await typed(
            server, "say", "--text", "Hello you.", "--voice", "alto", "--out", str(out)
        )
    assert said.exit_code == 0, said.output
    for measure in ("0.20 s of speech", "first audio after", "real-time factor", "seed 7"):
        assert measure in said.stdout
    with wave.open(str(out)) as file:
        assert file.getnframes() == file.getframerate() // 5
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["hello.wav"]


async def test_failed_say_leaves_no_file_and_tells_why(tmp_path: Path) -> None:
    out = tmp_path / "hello.mp3"
    async with running(tmp_path / "data", api_keys="secret") as server:
        said = await typed(server, "say", "--text", "Hi", "--voice", "nobody", "--out", str(out))
        barred = await typed(
            server, "say", "--text", "Hi", "--voice", "alto", "--out", str(out), key="wrong"
        )
    assert (said.exit_code, barred.exit_code) == (1, 1)
    assert "[VOICE_NOT_FOUND]" in said.output
    assert "known_voices: voices/alto" in said.output
    assert "[KEY_INVALID]" in barred.output
    assert not [path for path in tmp_path.iterdir() if path.is_file()]


def test_help_of_serve_names_every_setting() -> None:
    shown = CliRunner().invoke(app, ["serve", "--help"])
    for name in (*Settings.model_fields, "config"):
        assert f"GPTSOVITS_{name.upper()}:" in shown.output
    assert "None" not in shown.output


async def test_say_makes_the_folder_of_its_file(tmp_path: Path) -> None:
    out = tmp_path / "new" / "hello.mp3"
    async with running(tmp_path / "data") as server:
        said = await typed(server, "say", "--text", "Hi", "--voice", "alto", "--out", str(out))
    assert said.exit_code == 0, said.output
    assert out.stat().st_size


def test_client_with_an_unreadable_authority_tells_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GPTSOVITS_CA_CERT", str(tmp_path / "none.pem"))
    listed = CliRunner().invoke(app, ["voices", "list"])
    assert listed.exit_code == 1
    assert "none.pem" in listed.output


async def test_say_refuses_a_form_that_it_does_not_know(tmp_path: Path) -> None:
    arguments = ["say", "--text", "Hi", "--voice", "alto", "--out", str(tmp_path / "hello.txt")]
    assert CliRunner().invoke(app, arguments).exit_code == 2


async def test_voices_are_created_listed_shown_and_deleted(tmp_path: Path) -> None:
    recording = tmp_path / "tone.wav"
    recording.write_bytes(tone_wav())
    create = ["voices", "create", "tenor", "--reference", str(recording)]
    create += ["--transcript", "La la la, la la.", "--language", "en", "--consent", str(recording)]
    create += ["--consent-text", "You may use my voice.", "--speaker", "T. Enor"]
    async with running(tmp_path / "data", api_keys="secret") as server:
        created = await typed(server, *create)
        again = await typed(server, *create)
        listed = await typed(server, "voices", "list")
        shown = await typed(server, "voices", "show", "tenor")
        deleted = await typed(server, "voices", "delete", "tenor")
        after = await typed(server, "voices", "list")
    assert "created voices/tenor" in created.output
    assert "[VOICE_EXISTS]" in again.output
    assert "tenor" in listed.output
    assert "alto" in listed.output
    assert 'name: "voices/tenor"' in shown.output
    assert "deleted voices/tenor" in deleted.output
    assert "tenor" not in after.output


async def test_client_without_a_server_tells_where_it_looked() -> None:
    said = CliRunner().invoke(app, ["voices", "list", "--server", "127.0.0.1:1"])
    assert said.exit_code == 1
    assert "is a server running at 127.0.0.1:1?" in said.output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--host", "0.0.0.0"], "GPTSOVITS_API_KEYS"),
        (["--port", "70000"], "port"),
        (["--bundle", "/no/such/folder", "--port", "0"], "/no/such/folder"),
        (["--device", "tpu", "--port", "0"], "auto, cpu, cuda or cuda:N"),
        (["--device", "cuda:99", "--port", "0"], "take the device cpu"),
    ],
)
def test_serve_ends_with_a_message_where_it_cannot_serve(
    arguments: list[str], message: str, tmp_path: Path
) -> None:
    command = ["serve", "--data-dir", str(tmp_path), *arguments]
    served = CliRunner().invoke(app, command)
    assert served.exit_code == 1
    assert "cannot serve" in served.output
    assert message in served.output


def test_client_commands_do_not_wait_for_the_models_libraries() -> None:
    code = "import sys, backend.cli.app; sys.exit('torch' in sys.modules)"
    root = Path(__file__).parents[2]
    path = f"{root}:{root / 'proto'}"
    ran = subprocess.run([sys.executable, "-c", code], env={"PYTHONPATH": path}, check=False)
    assert ran.returncode == 0


async def test_say_speaks_along_with_standard_input(tmp_path: Path) -> None:
    out = tmp_path / "hello.wav"
    async with running(tmp_path / "data") as server:
        command = ["say", "--stdin", "--voice", "alto", "--out", str(out)]
        command += ["--server", f"127.0.0.1:{server.server.port}"]
        said = await asyncio.to_thread(
            CliRunner().invoke, app, command, input=b"Good morning, you. Bye"
        )
    assert said.exit_code == 0, said.output
    with wave.open(str(out)) as file:
        assert file.getnframes() == file.getframerate() // 10 * 5


async def test_say_tells_which_words_nobody_read(tmp_path: Path) -> None:
    command = ["say", "--stdin", "--voice", "alto", "--out", str(tmp_path / "hello.wav")]
    async with running(tmp_path / "data") as server:
        command += ["--server", f"127.0.0.1:{server.server.port}"]
        written = b"Well done you.\nOh [unread] dear.\nAnd good bye.\n"
        said = await asyncio.to_thread(CliRunner().invoke, app, command, input=written)
    assert said.exit_code == 0, said.output
    assert "no language of the voice reads it: [unread]" in said.output


def test_say_takes_either_a_text_or_standard_input(tmp_path: Path) -> None:
    command = ["say", "--voice", "alto", "--out", str(tmp_path / "hello.wav")]
    assert CliRunner().invoke(app, command).exit_code == 2
    assert CliRunner().invoke(app, [*command, "--text", "Hi", "--stdin"]).exit_code == 2


def test_text_is_passed_on_as_it_comes_and_characters_stay_whole() -> None:
    class Pipe(io.RawIOBase):
        pieces: ClassVar = [b"Hi \xe4", b"\xbd\xa0", b"\xe5\xa5", b""]

        def read(self, size: int = -1) -> bytes:
            return self.pieces.pop(0)

    assert list(text_as_it_comes(Pipe())) == ["Hi ", "你", "\ufffd"]
