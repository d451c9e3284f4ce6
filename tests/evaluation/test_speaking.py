"""Many texts are spoken at once, each as if alone."""

from __future__ import annotations

import numpy as np
import pytest

from engine.errors import EngineError
from engine.pipeline.bundle import Bundle
from engine.pipeline.synthesizer import synthesize
from engine.types import Audio, SynthesisOptions, SynthesisRequest
from tests.evaluation.copying import copy_all
from tests.evaluation.judging import judge_accidents
from tests.evaluation.speaking import AT_ONCE, speak_all
from tests.tiny_bundle import tiny_bundle


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    """Tiny networks."""
    return tiny_bundle()


def test_results_stand_in_the_order_of_the_texts(bundle: Bundle) -> None:
    texts = [f"this is {word}" for word in ("one", "two", "three", "four") * 3]
    assert len(texts) > AT_ONCE
    spoken = speak_all(bundle, "nobody", texts)
    voice = bundle.builtin_voices["nobody"].prompt
    for place in (0, 5, len(texts) - 1):
        request = SynthesisRequest(texts[place], "en", voice, SynthesisOptions(seed=place))
        alone, among = synthesize(bundle, request), spoken[place]
        assert isinstance(among, Audio)
        np.testing.assert_allclose(among.samples, alone.samples, atol=1e-4)


def test_every_text_gets_sound_or_an_error(bundle: Bundle) -> None:
    texts = ["we go home", "no", "a very long day"]
    spoken = speak_all(bundle, "nobody", texts)
    assert len(spoken) == len(texts)
    assert all(isinstance(speech, Audio | EngineError) for speech in spoken)


def test_random_networks_do_not_pass_as_speech(bundle: Bundle) -> None:
    texts = [f"number {n} is not spoken properly by noise" for n in range(6)]
    assert judge_accidents(bundle, ["nobody"], texts)


def test_copy_has_the_length_and_level_of_speech(bundle: Bundle) -> None:
    time = np.arange(16_000) / 16_000
    original = Audio((0.3 * np.sin(2 * np.pi * 150 * time)).astype(np.float32), 16_000)
    (copied,) = copy_all(bundle, "nobody", ["we go home"], [original])
    assert copied.duration_s == pytest.approx(1.0, abs=0.1)
    assert np.isfinite(copied.samples).all()
