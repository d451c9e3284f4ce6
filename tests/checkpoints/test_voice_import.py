"""A fine-tuned pair, a recording and a consent become a bundle that speaks, in one command."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from typer.testing import CliRunner, Result

from engine.audio.files import encode_wav
from engine.checkpoints.bundle_folder import read_config, verify
from engine.checkpoints.releases import CHARACTERS, CONTENT, SPEAKER
from engine.cli import application
from engine.pipeline.bundle import load_bundle
from engine.pipeline.synthesizer import synthesize
from engine.types import Audio, SynthesisOptions, SynthesisRequest
from tests.checkpoints import toy_release as toys
from tests.checkpoints.conftest import Make


def recording(path: Path, seconds: float) -> Path:
    time = np.arange(round(seconds * 32000)) / 32000
    samples = (0.3 * np.sin(2 * np.pi * 140 * time)).astype(np.float32)
    path.write_bytes(encode_wav(Audio(samples, 32000)))
    return path


@pytest.fixture
def arguments(make_acoustic: Make, tmp_path: Path) -> list[str]:
    """A command that works."""
    torch.manual_seed(0)
    pretrained = tmp_path / "pretrained"
    pretrained.mkdir()
    toys.write_content(pretrained / CONTENT)
    toys.write_characters(pretrained / CHARACTERS)
    (pretrained / SPEAKER).parent.mkdir()
    toys.write_speaker(pretrained / SPEAKER)
    config = toys.acoustic_config(1024)
    weights = toys.acoustic_weights(config, 732, toys.SPEAKER.embedding_size)
    options = {
        "--name": "Anna",
        "--pretrained": pretrained,
        "--models": tmp_path / "models",
        "--reference": recording(tmp_path / "r.wav", 4),
        "--transcript": "Good morning to you.",
        "--language": "en",
        "--speaker": "Anna Example",
        "--consent": recording(tmp_path / "c.wav", 2),
        "--consent-text": "I agree.",
    }
    semantic = toys.write_semantic(tmp_path / "s1.ckpt", 732)
    acoustic = make_acoustic(b"05", weights=weights, config=config)
    pairs = [each for option in options.items() for each in option]
    return ["models", "import-voice", *map(str, (semantic, acoustic, *pairs))]


def run(arguments: list[str], **changed: str) -> Result:
    given = list(arguments)
    for name, value in changed.items():
        given[given.index(f"--{name.replace('_', '-')}") + 1] = value
    return CliRunner().invoke(application, given)


def test_the_voice_comes_with_the_bundle_and_keeps_its_consent(
    arguments: list[str], tmp_path: Path
) -> None:
    done = run(arguments)
    assert done.exit_code == 0, done.output
    assert "serve --bundle" in done.output
    folder = tmp_path / "models" / "Anna"
    verify(folder, read_config(folder))
    bundle = load_bundle(folder, "cpu")
    voice = bundle.builtin_voices["anna"]
    assert (voice.display_name, voice.language) == ("Anna Example", "en")
    request = SynthesisRequest("Good day.", "en", voice.prompt, SynthesisOptions(seed=1))
    assert synthesize(bundle, request).duration_s > 0
    record = json.loads((folder / "voices" / "anna" / "voice.json").read_text("utf-8"))
    assert (record["speaker"], record["consent_text"]) == ("Anna Example", "I agree.")
    assert (folder / "voices" / "anna" / "consent.wav").is_file()


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"consent_text": " "}, "consent text is empty"),
        ({"language": "nl"}, "'nl' is not supported"),
        ({"reference": "c.wav"}, "must last 3 to 10 s"),
    ],
)
def test_a_voice_that_cannot_be_made_leaves_no_bundle(
    arguments: list[str], tmp_path: Path, changed: dict[str, str], message: str
) -> None:
    if "reference" in changed:
        changed = {"reference": str(tmp_path / changed["reference"])}
    done = run(arguments, **changed)
    assert done.exit_code == 2
    assert message in done.stderr
    assert not list((tmp_path / "models").glob("*"))
