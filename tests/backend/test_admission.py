"""Who is let in, and who gets the next free slot."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import grpc
import grpc.aio
import numpy as np
import pytest
from google.rpc import error_details_pb2
from gptsovits.tts.v1 import timestamps_pb2, tts_pb2

from backend import engine_thread
from backend.errors import DeadlineUnreachableError, OverloadedError, ShuttingDownError
from backend.inference import Inference, SpeechStream
from backend.speed import ENOUGH_AUDIO_S, SpeedMeter, shared_work
from engine.types import SpokenEnd, SynthesisRequest
from tests.backend.harness import PCM, detail, reason, running, speech
from tests.backend.tones import ToneScheduler, sine, tone_prompt

LONG = "la " * 300  # more than is buffered: its listener must take part before it can end


def request(text: str = "la " * 20, *, background: bool = False) -> SynthesisRequest:
    return SynthesisRequest(text, "en", tone_prompt(440), background=background)


@asynccontextmanager
async def engine(
    max_streams: int = 1, max_queue: int = 20
) -> AsyncIterator[tuple[Inference, ToneScheduler]]:
    """An engine that waits until its scheduler's gate is opened."""
    scheduler = ToneScheduler(max_streams=max_streams)
    scheduler.gate.clear()
    inference = Inference(scheduler, max_streams, max_queue)
    inference.start()
    try:
        yield inference, scheduler
    finally:
        scheduler.gate.set()
        await inference.stop()


async def order_of_ends(inference: Inference, streams: dict[str, SpeechStream]) -> list[str]:
    """The names of the streams as they end."""
    ended: list[str] = []

    async def listen(name: str, stream: SpeechStream) -> None:
        async for _ in stream:
            pass
        ended.append(name)
        inference.close(stream)

    await asyncio.gather(*(listen(*each) for each in streams.items()))
    return ended


async def test_listeners_go_before_the_background_and_do_not_wait_for_it() -> None:
    async with engine() as (inference, scheduler):
        streams = {"batch 1": inference.open(request(LONG, background=True))}
        streams["batch 2"] = inference.open(request(background=True))
        streams["live 1"] = inference.open(request())
        streams["live 2"] = inference.open(request())
        scheduler.gate.set()
        ended = await order_of_ends(inference, streams)
        assert ended[:2] == ["live 1", "live 2"]
        assert set(ended[2:]) == {"batch 1", "batch 2"}  # the long one waits for its listener


async def test_the_older_of_two_in_the_background_goes_first() -> None:
    async with engine() as (inference, scheduler):
        streams = {f"batch {n}": inference.open(request(background=True)) for n in (1, 2)}
        scheduler.gate.set()
        assert await order_of_ends(inference, streams) == ["batch 1", "batch 2"]


async def test_caller_with_many_requests_does_not_keep_others_waiting() -> None:
    async with engine(max_streams=2) as (inference, scheduler):
        streams = {f"busy {n}": inference.open(request(LONG), caller="busy") for n in range(6)}
        streams["rare"] = inference.open(request(LONG), caller="rare")
        scheduler.gate.set()
        assert "rare" in (await order_of_ends(inference, streams))[:4]


async def test_those_who_came_during_a_step_are_let_in_together(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for moment_s, spread in ((10.0, 0), (0.0, 2)):
        monkeypatch.setattr(engine_thread, "LETTING_IN_S", moment_s)
        async with engine(max_streams=4) as (inference, scheduler):
            begun: list[int] = []

            def wave(
                asked: SynthesisRequest,
                position: int,
                scheduler: ToneScheduler = scheduler,
                begun: list[int] = begun,
            ) -> np.ndarray:
                if not position and asked.text != LONG:
                    begun.append(scheduler.steps)
                return sine(asked, position)

            scheduler.wave = wave
            streams = {"first": inference.open(request(LONG))}
            while not scheduler.admitted:
                await asyncio.sleep(0.001)
            streams |= {str(n): inference.open(request()) for n in range(3)}
            scheduler.gate.set()
            await order_of_ends(inference, streams)
            assert max(begun) - min(begun) == spread


async def test_text_that_is_being_heard_goes_on_before_another_begins() -> None:
    async with engine() as (inference, scheduler):
        streams = {"first": inference.open(request(LONG))}
        streams["new"] = inference.open(request())
        streams["next part"] = inference.open(replace(request(), after=SpokenEnd(None, 0.0)))
        scheduler.gate.set()
        ended = await order_of_ends(inference, streams)
        assert ended.index("next part") < ended.index("new")


async def test_listener_who_does_not_read_keeps_nobody_waiting() -> None:
    async with engine() as (inference, scheduler):
        idle = inference.open(request(LONG))
        scheduler.gate.set()
        others = {str(n): inference.open(request("la la")) for n in range(3)}
        assert sorted(await order_of_ends(inference, others)) == ["0", "1", "2"]
        assert await order_of_ends(inference, {"idle": idle}) == ["idle"]


async def test_one_of_several_callers_cannot_fill_the_queue() -> None:
    async with engine(max_streams=4, max_queue=4) as (inference, _):
        inference.close(inference.open(request(), caller="rare"))
        for _ in range(6):
            inference.open(request(), caller="busy")
        with pytest.raises(OverloadedError):
            inference.open(request(), caller="busy")
        inference.open(request(), caller="rare")


async def test_cancelled_request_frees_its_slot_within_one_step() -> None:
    async with engine() as (inference, scheduler):
        scheduler.gate.set()
        first = inference.open(request("la " * 4000))
        chunks = aiter(first)
        await anext(chunks)
        second = inference.open(request("la la"))
        steps = scheduler.steps
        inference.close(first)
        async for _ in second:
            break
        assert scheduler.steps - steps < 40  # of 2400 that the first one needs
        await chunks.aclose()


def meter(work_s: float, audio_s: float) -> SpeedMeter:
    speed = SpeedMeter()
    speed.worked(work_s, audio_s)
    return speed


def test_speed_is_unknown_until_enough_was_measured() -> None:
    assert meter(1.0, ENOUGH_AUDIO_S / 2).time_for_s(100) is None
    assert SpeedMeter().time_for_s(100) is None


def test_time_follows_the_length_of_the_text_and_the_measured_speed() -> None:
    fast, slow = meter(1.0, 10.0), meter(10.0, 10.0)
    assert slow.time_for_s(1000) == pytest.approx(65, rel=0.01)
    assert slow.time_for_s(2000) == pytest.approx(2 * (slow.time_for_s(1000) or 0))
    assert fast.time_for_s(1000) == pytest.approx((slow.time_for_s(1000) or 0) / 10, rel=0.1)


def test_newer_measurements_count_more() -> None:
    speed = meter(600.0, 60.0)
    speed.worked(60.0, 600.0)
    assert (speed.time_for_s(1000) or 0) < 65  # 650 by the first alone


def test_longer_rivals_only_cost_what_is_done_of_them_meanwhile() -> None:
    assert shared_work(100, [10, 1000]) == 210


async def test_deadline_that_cannot_be_met_is_refused_at_once_and_says_when() -> None:
    async with engine() as (inference, _):
        inference._engine.speed.worked(20.0, 10.0)
        with pytest.raises(DeadlineUnreachableError) as caught:
            inference.open(request("la " * 1000), deadline_s=30.0)
        assert caught.value.retry_after_s >= 1
        assert inference.open_streams == 0
        inference.open(request("la " * 1000), deadline_s=3000.0)
        inference.open(request("la la"), deadline_s=30.0)
        inference.open(request("la " * 1000))


async def test_refused_deadline_reaches_the_caller_with_retry_info(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        server.server._engines[0].inference._engine.speed.worked(100.0, 10.0)
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await server.hear(speech("la " * 1000), timeout=5)
    assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert reason(caught.value) == "DEADLINE_UNREACHABLE"
    assert detail(caught.value, error_details_pb2.RetryInfo).retry_delay.seconds >= 1


async def test_timestamps_and_subtitles_come_when_they_are_asked_for(tmp_path: Path) -> None:
    word, srt = timestamps_pb2.TIMESTAMP_DETAIL_WORD, timestamps_pb2.SUBTITLE_FORMAT_SRT
    asked = speech("We go *home*.", encoding=PCM, timestamps=word)
    async with running(tmp_path) as server:
        plain = await server.tts.Synthesize(tts_pb2.SynthesizeRequest(input=speech("We go.")))
        timed = await server.tts.Synthesize(tts_pb2.SynthesizeRequest(input=asked))
        subtitled = await server.tts.Synthesize(
            tts_pb2.SynthesizeRequest(input=speech("We go."), subtitle_format=srt)
        )
        messages = [
            message
            async for message in server.tts.SynthesizeStream(
                tts_pb2.SynthesizeStreamRequest(input=asked)
            )
        ]
    assert not plain.timestamps and not plain.subtitles
    assert [unit.text for unit in timed.timestamps[0].units] == ["We", "go", "home"]
    assert timed.timestamps[0].units[2].text_start == 7
    assert subtitled.subtitles.startswith("1\n00:00:00,000 --> ")
    assert not subtitled.timestamps
    (streamed,) = [m.timestamps for m in messages if m.HasField("timestamps")]
    assert streamed == timed.timestamps[0]
    assert messages[-1].HasField("completed")


async def test_thousand_requests_leave_nothing_open() -> None:
    async with engine(max_streams=16, max_queue=1000) as (inference, scheduler):
        scheduler.gate.set()
        for _ in range(20):
            streams = {str(n): inference.open(request("la la")) for n in range(50)}
            assert len(await order_of_ends(inference, streams)) == 50
        loop = inference._engine
        assert (inference.open_streams, scheduler.live) == (0, 0)
        kept = (loop._waiting, loop._at_work, loop._ids, loop._listeners, loop._paused)
        async with asyncio.timeout(10):  # the thread clears up after it has told the end
            while any(kept):
                await asyncio.sleep(0.01)


async def test_each_stream_that_a_shutdown_ends_has_an_error_of_its_own() -> None:
    errors = []
    async with engine(max_streams=4) as (inference, scheduler):
        streams = [inference.open(request(LONG)) for _ in range(3)]
        inference._engine.stop()
        scheduler.gate.set()
        for stream in streams:
            with pytest.raises(ShuttingDownError) as caught:
                async for _ in stream:
                    pass
            errors.append(caught.value)
    assert len({id(error) for error in errors}) == 3  # one would gather the frames of all
