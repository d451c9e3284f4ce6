"""A recogniser that the settings name listens to every sentence."""

from __future__ import annotations

import sys
from types import ModuleType

import numpy as np
import pytest

from backend.errors import ConfigurationError
from backend.verifiers.making import make_verifier
from backend.verifiers.sphinx import SphinxVerifier, english
from engine.pipeline.bundle import Bundle, load_bundle
from engine.pipeline.checks import SpokenSentence
from engine.pipeline.synthesizer import synthesize
from engine.types import Audio, SynthesisOptions, SynthesisRequest
from tests.source_tree import ROOT

TEXT = "The weather is fine today, and we go to the market."
SPHINX = "backend.verifiers.sphinx:english"


@pytest.fixture(scope="module")
def starter() -> Bundle:
    return load_bundle(ROOT / "engine" / "bundles" / "starter", "cpu")


@pytest.fixture(scope="module")
def speech(starter: Bundle) -> Audio:
    voice = starter.builtin_voices["rms"]
    request = SynthesisRequest(TEXT, "en", voice.prompt, SynthesisOptions(seed=1))
    return synthesize(starter, request, english())


def test_no_name_is_no_verifier() -> None:
    assert make_verifier("") is None


@pytest.mark.parametrize(
    "name",
    ["nowhere", "nowhere:english", "backend.verifiers.sphinx:french", "math:pi", "os:getpid"],
)
def test_a_name_that_makes_none_is_told(name: str) -> None:
    with pytest.raises(ConfigurationError, match="give `module:function`"):
        make_verifier(name)


def test_speech_is_accepted_by_a_real_recogniser(speech: Audio) -> None:
    verifier = make_verifier(SPHINX)
    assert verifier is not None
    assert verifier.accepts(SpokenSentence(TEXT, "en", speech))


def test_other_words_are_rejected_by_a_real_recogniser(speech: Audio) -> None:
    other = "My brother plays football with seven friends every Sunday morning."
    assert not SphinxVerifier().accepts(SpokenSentence(other, "en", speech))
    silent = Audio(np.zeros_like(speech.samples), speech.sample_rate_hz)
    assert not SphinxVerifier().accepts(SpokenSentence(TEXT, "en", silent))


def test_what_it_cannot_judge_is_accepted(speech: Audio) -> None:
    verifier = SphinxVerifier()
    assert verifier.accepts(SpokenSentence("Bonjour a tous mes amis.", "fr", speech))
    assert verifier.accepts(SpokenSentence("Oh no.", "en", speech))


def test_a_verifier_that_fails_does_not_end_the_speech(
    speech: Audio, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Broken:
        def accepts(self, sentence: SpokenSentence) -> bool:
            raise KeyError(sentence.language)

    module = ModuleType("broken_verifier")
    module.make = Broken  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "broken_verifier", module)
    verifier = make_verifier("broken_verifier:make")
    assert verifier is not None
    assert verifier.accepts(SpokenSentence(TEXT, "en", speech))
