"""A fault of the models ends the streams that they worked for, and no others."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from engine.errors import EngineError, ModelError, SynthesisError
from engine.models.prior_encoder import Prior
from engine.models.text_to_semantic import TextToSemantic
from engine.pipeline import vits_stream
from engine.pipeline.bundle import Bundle
from engine.pipeline.faults import attempt, logger
from engine.pipeline.piece_batches import Batch, PieceBatches
from engine.pipeline.scheduler import Scheduler, StreamEvent
from engine.pipeline.stream import Stream
from engine.pipeline.synthesizer import synthesize
from engine.pipeline.vits_stream import VitsAcoustics
from engine.types import Samples, SynthesisOptions, SynthesisRequest
from tests.tiny_bundle import tiny_bundle, tiny_decoder, tiny_prompt

REQUEST = SynthesisRequest(
    "The rain came early, and the road was wet.", "en", tiny_prompt(), SynthesisOptions(seed=3)
)
FAULTY = replace(REQUEST, options=SynthesisOptions(seed=4, noise_scale=0.25))


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    return tiny_bundle()


@pytest.fixture(scope="module")
def alone(bundle: Bundle) -> Samples:
    return synthesize(bundle, REQUEST).samples


def heard(scheduler: Scheduler) -> dict[int, list[StreamEvent]]:
    events: dict[int, list[StreamEvent]] = {}
    while scheduler.live:
        for event in scheduler.step():
            events.setdefault(event.stream_id, []).append(event)
    return events


def sound(events: list[StreamEvent]) -> Samples:
    assert events[-1].done and events[-1].error is None
    return np.concatenate([e.chunk.samples for e in events if e.chunk is not None])


def cause(events: list[StreamEvent]) -> str:
    assert isinstance(events[-1].error, ModelError)
    return str(events[-1].error.__cause__)


def test_piece_that_cannot_be_decoded_ends_its_own_stream(
    bundle: Bundle, alone: Samples, monkeypatch: pytest.MonkeyPatch
) -> None:
    sample = vits_stream.sample_latents

    def fail(prior: Prior, noise: Tensor, scale: float) -> Tensor:
        if scale == 0.25:
            raise torch.OutOfMemoryError("the sentence is too long")
        return sample(prior, noise, scale)

    monkeypatch.setattr(vits_stream, "sample_latents", fail)
    scheduler = Scheduler(bundle)
    first, bad, last = (scheduler.admit(each) for each in (REQUEST, FAULTY, REQUEST))
    events = heard(scheduler)
    assert cause(events[bad]) == "the sentence is too long"
    for good in (first, last):
        np.testing.assert_allclose(sound(events[good]), alone, atol=1e-4)


def test_pieces_that_are_too_much_together_are_decoded_one_by_one(
    bundle: Bundle, alone: Samples, monkeypatch: pytest.MonkeyPatch
) -> None:
    decoder, sound_of, refused = tiny_decoder(), PieceBatches.sound, []
    batches = PieceBatches(decoder, decoder.dec, None)
    bundle = replace(bundle, acoustics=VitsAcoustics(decoder, batches))

    def fail(self: PieceBatches, batch: Batch) -> tuple[Tensor, Tensor]:
        rows = len(batch.codes)
        if rows > 1:
            refused.append(rows)
            raise torch.OutOfMemoryError("several are too many")
        return sound_of(self, batch)

    monkeypatch.setattr(PieceBatches, "sound", fail)
    scheduler = Scheduler(bundle)
    streams = [scheduler.admit(REQUEST) for _ in range(3)]
    events = heard(scheduler)
    assert refused
    for each in streams:
        np.testing.assert_allclose(sound(events[each]), alone, atol=1e-4)


def test_sentence_that_cannot_be_filled_in_ends_its_own_stream(
    bundle: Bundle, alone: Samples, monkeypatch: pytest.MonkeyPatch
) -> None:
    prefill, calls = TextToSemantic.prefill, iter(range(9))

    def fail(self: TextToSemantic, *args: object) -> Tensor:
        logits = prefill(self, *args)
        if next(calls) == 1:
            raise RuntimeError("the row is filled, and something is wrong")
        return logits

    monkeypatch.setattr(TextToSemantic, "prefill", fail)
    scheduler = Scheduler(bundle)
    first, bad, last = (scheduler.admit(REQUEST) for _ in range(3))
    events = heard(scheduler)
    assert cause(events[bad]) == "the row is filled, and something is wrong"
    for good in (first, last):
        np.testing.assert_allclose(sound(events[good]), alone, atol=1e-4)


def test_step_that_fails_ends_its_rows_and_the_next_ones_are_heard(
    bundle: Bundle, alone: Samples, monkeypatch: pytest.MonkeyPatch
) -> None:
    decode, calls = TextToSemantic.decode, iter(range(10**6))

    def fail(self: TextToSemantic, *args: object) -> Tensor:
        logits = decode(self, *args)
        if next(calls) == 6:
            raise RuntimeError("no memory is left")
        return logits

    monkeypatch.setattr(TextToSemantic, "decode", fail)
    scheduler = Scheduler(bundle, max_streams=2)
    together = [scheduler.admit(REQUEST) for _ in range(2)]
    waiting = scheduler.admit(REQUEST)
    events = heard(scheduler)
    assert [cause(events[each]) for each in together] == 2 * ["no memory is left"]
    assert events[together[0]][-1].error is not events[together[1]][-1].error
    np.testing.assert_allclose(sound(events[waiting]), alone, atol=1e-4)


def test_voice_that_the_models_cannot_read_is_refused(bundle: Bundle) -> None:
    broken = replace(tiny_prompt(), reference_spectrograms=(torch.zeros(3, 4),))
    scheduler = Scheduler(bundle)
    with pytest.raises(ModelError):
        scheduler.admit(replace(REQUEST, voice=broken))
    assert not scheduler.live


def test_lost_device_ends_the_scheduler(bundle: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> Tensor:
        raise torch.AcceleratorError("an illegal memory access was encountered")

    monkeypatch.setattr(TextToSemantic, "decode", fail)
    scheduler = Scheduler(bundle)
    scheduler.admit(REQUEST)
    with pytest.raises(torch.AcceleratorError):
        heard(scheduler)


@pytest.fixture
def _no_collector() -> Iterator[None]:
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("_no_collector")
@pytest.mark.parametrize("kind", [RuntimeError, SynthesisError])
def test_failure_does_not_keep_the_stream_alive(
    bundle: Bundle, monkeypatch: pytest.MonkeyPatch, kind: type[Exception]
) -> None:
    def fail(self: Stream, samples: Samples) -> None:
        raise kind("it does not speak")

    monkeypatch.setattr(Stream, "speak", fail)
    monkeypatch.setattr(logger, "disabled", True)  # as pytest keeps what is logged
    scheduler = Scheduler(bundle)
    stream = scheduler.admit(REQUEST)
    held = weakref.ref(scheduler._streams[stream])
    events = heard(scheduler)
    assert isinstance(events[stream][-1].error, EngineError)
    assert held() is None


def test_fault_is_logged_where_it_comes_up(caplog: pytest.LogCaptureFixture) -> None:
    def work() -> None:
        raise RuntimeError("shapes do not fit")

    assert isinstance(attempt(work), ModelError)
    assert "shapes do not fit" in caplog.text
    assert "in work" in caplog.text
