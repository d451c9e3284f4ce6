"""`python -m engine say`, with the weights that lie in the repository."""

from __future__ import annotations

from pathlib import Path

import pytest
import soundfile
from typer.testing import CliRunner

from engine.cli import application

runner = CliRunner()


def say(*arguments: str) -> tuple[int, str]:
    result = runner.invoke(application, ["say", *arguments])
    return result.exit_code, result.output


@pytest.mark.parametrize(
    ("text", "language"), [("Good morning, how are you?", "en"), ("今天天气很好。", "zh")]
)
def test_the_starter_bundle_speaks(tmp_path: Path, text: str, language: str) -> None:
    out = tmp_path / "speech.wav"
    status, output = say("--text", text, "--language", language, "--out", str(out), "--seed", "1")
    assert status == 0, output
    samples, rate = soundfile.read(out)
    assert rate == 16000
    assert 0.8 < len(samples) / rate < 8
    assert abs(samples).max() > 0.05
    assert "real-time factor" in output


def test_the_same_seed_speaks_the_same_again(tmp_path: Path) -> None:
    files = [tmp_path / "one.wav", tmp_path / "two.wav"]
    for out in files:
        assert say("--text", "Hello there.", "--out", str(out), "--seed", "5")[0] == 0
    assert files[0].read_bytes() == files[1].read_bytes()


@pytest.mark.parametrize(("name", "begins"), [("x.srt", "1\n00:00:0"), ("x.vtt", "WEBVTT\n\n1\n")])
def test_subtitles_are_written_beside_the_speech(tmp_path: Path, name: str, begins: str) -> None:
    out, subtitles = tmp_path / "speech.wav", tmp_path / name
    status, output = say(
        "--text", "Good *morning*.", "--out", str(out), "--subtitles", str(subtitles), "--seed", "1"
    )
    assert status == 0, output
    written = subtitles.read_text("utf-8")
    assert written.startswith(begins)
    assert "Good morning." in written


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--text", "..."], "nothing that can be spoken"),
        (["--text", "Hi", "--voice", "nobody"], "known: rms"),
        (["--text", "Hi", "--language", "xx"], "not supported"),
        (["--text", "Hi", "--bundle", "absent"], "bundle.json"),
    ],
)
def test_bad_input_is_answered_with_what_to_do(
    tmp_path: Path, arguments: list[str], message: str
) -> None:
    status, output = say(*arguments, "--out", str(tmp_path / "x.wav"))
    assert status == 2
    assert message in output
    assert not (tmp_path / "x.wav").exists()


def test_steps_of_a_flow_are_refused_where_there_is_none(tmp_path: Path) -> None:
    out = str(tmp_path / "speech.wav")
    status, output = say("--text", "Hello there.", "--out", out, "--sample-steps", "8")
    assert status == 2 and "only bundles of v3 and v4 go by steps" in output
