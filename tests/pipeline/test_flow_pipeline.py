"""Bundles that go by mels, through the very pipeline that the others take."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from engine.checkpoints.bundle_folder import BundleConfig, read_config, write_config
from engine.errors import InvalidOptionError, ReferenceAudioError
from engine.models.cfm import FlowOptions
from engine.pipeline.bundle import Bundle
from engine.pipeline.scheduler import Scheduler, StreamEvent
from engine.pipeline.synthesizer import synthesize
from engine.types import (
    Audio,
    Samples,
    SplitPolicy,
    SynthesisOptions,
    SynthesisRequest,
    VoicePrompt,
)
from engine.voices.archive import load_prompt, save_prompt
from tests.tiny_bundle import tiny_bundle, tiny_prompt
from tests.tiny_flow import MELS, flow_prompt, tiny_flow_bundle

TEXT = "The rain came early, and the road was wet, and nobody had thought of taking a coat."


@pytest.fixture(scope="module", params=["v3", "v4"])
def bundle(request: pytest.FixtureRequest) -> Bundle:
    return tiny_flow_bundle(request.param)


def request(bundle: Bundle, voice: VoicePrompt | None = None) -> SynthesisRequest:
    options = SynthesisOptions(seed=5, split_policy=SplitPolicy.NONE)
    return SynthesisRequest(TEXT, "en", voice or flow_prompt(bundle.config.version), options)


def recording() -> Audio:
    time = np.arange(4 * 32000) / 32000
    return Audio((0.3 * np.sin(2 * np.pi * 140 * time)).astype(np.float32), 32000)


def test_the_first_sound_leaves_before_the_sentence_is_finished(bundle: Bundle) -> None:
    scheduler = Scheduler(bundle)
    scheduler.admit(request(bundle))
    events: list[StreamEvent] = []
    while not events:
        events = scheduler.step()
    first = events[0]
    assert not first.done and first.chunk is not None and len(first.chunk.samples)
    stream = next(iter(scheduler._streams.values()))
    assert stream.sentence is not None and not stream.sentence.ended


def test_a_listener_who_pauses_hears_the_same(bundle: Bundle) -> None:
    whole = synthesize(bundle, request(bundle)).samples
    scheduler = Scheduler(bundle)
    stream_id = scheduler.admit(request(bundle))
    scheduler.step()
    scheduler.pause(stream_id)
    for _ in range(70):
        scheduler.step()
    scheduler.resume(stream_id)
    pieces = [
        event.chunk.samples
        for _ in range(400)
        for event in scheduler.step()
        if event.chunk is not None
    ]
    np.testing.assert_array_equal(np.concatenate(pieces), whole)


def test_a_recorded_voice_has_mels_that_are_kept_with_it(bundle: Bundle, tmp_path: Path) -> None:
    voice = bundle.create_prompt(recording(), "Good morning.", "en")
    assert voice.reference_mel is not None
    assert voice.reference_mel.shape[0] == MELS
    save_prompt(voice, tmp_path / "voice")
    loaded = load_prompt(tmp_path / "voice")
    assert loaded.reference_mel is not None
    torch.testing.assert_close(loaded.reference_mel, voice.reference_mel)
    audio = synthesize(bundle, request(bundle, loaded))
    assert np.isfinite(audio.samples).all() and audio.duration_s > 0.2


def test_a_voice_of_a_bundle_without_mels_is_refused(bundle: Bundle) -> None:
    with pytest.raises(ReferenceAudioError, match="make it again"):
        Scheduler(bundle).admit(request(bundle, tiny_prompt()))


def test_the_description_is_read_as_it_was_written(bundle: Bundle, tmp_path: Path) -> None:
    write_config(tmp_path, bundle.config)
    read: BundleConfig = read_config(tmp_path)
    assert read.acoustic == bundle.config.acoustic
    assert read.defaults.flow == FlowOptions(2)


def test_streams_that_share_batches_speak_as_they_do_alone(bundle: Bundle) -> None:
    plain = request(bundle)
    requests = [
        plain,
        replace(plain, text="It rained. Nobody took a coat!"),
        replace(plain, options=replace(plain.options, seed=8, sample_steps=3)),
        replace(plain, voice=flow_prompt(bundle.config.version, seed=4)),
    ]
    scheduler = Scheduler(bundle)
    ids = [scheduler.admit(each) for each in requests]
    heard: dict[int, list[Samples]] = {each: [] for each in ids}
    while scheduler.live:
        for event in scheduler.step():
            assert event.error is None and event.chunk is not None
            heard[event.stream_id].append(event.chunk.samples)
    for stream_id, each in zip(ids, requests, strict=True):
        alone = synthesize(bundle, each).samples
        np.testing.assert_allclose(np.concatenate(heard[stream_id]), alone, atol=1e-5)


def test_a_request_may_take_other_steps_than_the_bundle(bundle: Bundle) -> None:
    plain = request(bundle)
    sounds = [
        synthesize(bundle, replace(plain, options=replace(plain.options, sample_steps=steps)))
        for steps in (None, 2, 5)
    ]
    np.testing.assert_array_equal(sounds[0].samples, sounds[1].samples)
    assert not np.allclose(sounds[0].samples, sounds[2].samples)


def test_steps_are_refused_where_nothing_goes_by_them() -> None:
    options = SynthesisOptions(sample_steps=8)
    with pytest.raises(InvalidOptionError, match="only bundles of v3 and v4") as refused:
        Scheduler(tiny_bundle()).admit(SynthesisRequest(TEXT, "en", tiny_prompt(), options))
    assert refused.value.field == "options.sample_steps"


@pytest.mark.parametrize("steps", [0, -1, 129])
def test_a_number_of_steps_that_makes_no_sense_is_refused(steps: int) -> None:
    with pytest.raises(InvalidOptionError, match="1 to 128"):
        SynthesisOptions(sample_steps=steps)
