"""What the backend makes of faults of the models."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from torch import Tensor

from backend.engine_thread import FAULTS_IN_A_ROW
from backend.errors import EngineStoppedError
from backend.inference import Inference
from engine.errors import ModelError
from engine.models.prior_encoder import Prior
from engine.pipeline import vits_stream
from engine.pipeline.bundle import Bundle
from engine.pipeline.scheduler import Scheduler
from engine.types import SynthesisOptions, SynthesisRequest
from tests.tiny_bundle import tiny_bundle, tiny_prompt

GOOD = SynthesisRequest(
    "The rain came early.", "en", tiny_prompt(), SynthesisOptions(seed=3, noise_scale=0.5)
)
FAULTY = SynthesisRequest(
    "The rain came early.", "en", tiny_prompt(), SynthesisOptions(seed=3, noise_scale=0.25)
)


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    return tiny_bundle()


@pytest.fixture(autouse=True)
def _faults(monkeypatch: pytest.MonkeyPatch) -> None:
    """The latents of the faulty request cannot be drawn."""
    sample = vits_stream.sample_latents

    def fail(prior: Prior, noise: Tensor, scale: float) -> Tensor:
        if scale == FAULTY.options.noise_scale:
            raise RuntimeError("shapes do not fit")
        return sample(prior, noise, scale)

    monkeypatch.setattr(vits_stream, "sample_latents", fail)


@asynccontextmanager
async def running(bundle: Bundle) -> AsyncIterator[Inference]:
    inference = Inference(Scheduler(bundle), 4, 100)
    inference.start()
    try:
        yield inference
    finally:
        await inference.stop()


async def heard(inference: Inference, request: SynthesisRequest) -> int:
    """How many samples came."""
    stream = inference.open(request)
    try:
        return sum([len(chunk.samples) async for chunk in stream])
    finally:
        inference.close(stream)


async def test_engine_goes_on_after_many_faults_if_others_are_heard(bundle: Bundle) -> None:
    async with running(bundle) as inference:
        for _ in range(FAULTS_IN_A_ROW + 1):
            with pytest.raises(ModelError):
                await heard(inference, FAULTY)
            assert await heard(inference, GOOD)
        assert not inference.open_streams


async def test_engine_ends_when_nothing_but_faults_comes(bundle: Bundle) -> None:
    async with running(bundle) as inference:
        for _ in range(FAULTS_IN_A_ROW):
            with pytest.raises(ModelError):
                await heard(inference, FAULTY)
        with pytest.raises(EngineStoppedError):
            await heard(inference, GOOD)
        assert inference.stopped.is_set()
