"""The contract of `StreamingSynthesize`: a text is spoken while it is written."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import numpy as np
import pytest
from google.protobuf.duration_pb2 import Duration
from gptsovits.tts.v1 import audio_pb2, timestamps_pb2, tts_pb2

from tests.backend.harness import PCM, Harness, reason, running, violated_field
from tests.backend.tones import RATE_HZ

pytestmark = pytest.mark.asyncio

Request = tts_pb2.StreamingSynthesizeRequest
Response = tts_pb2.StreamingSynthesizeResponse
TEXT = "Good morning, dear listener. It is a **fine** day today. Bye"


def config(**fields: Any) -> Request:
    """A first message that works, but for what `fields` change."""
    form = audio_pb2.AudioFormat(encoding=fields.pop("encoding", PCM))
    values = {"voice": "voices/alto", "language": "en", "audio_format": form, **fields}
    return Request(config=tts_pb2.StreamingConfig(**values))


def text(written: str) -> Request:
    return Request(text=tts_pb2.TextDelta(text=written))


class Talk:
    """One stream: write into it, and keep what came back."""

    def __init__(self, server: Harness, **call: Any) -> None:
        self.call = server.tts.StreamingSynthesize(**call)
        self.heard: list[Response] = []

    async def write(self, *messages: Request) -> None:
        for message in messages:
            await self.call.write(message)

    async def until(self, kind: str) -> Response:
        """The next message of this kind; those before it are kept as well."""
        while True:
            message = await asyncio.wait_for(self.call.read(), 20)
            assert message is not grpc.aio.EOF, f"no {kind} in {self.heard}"
            self.heard.append(message)
            if message.WhichOneof("payload") == kind:
                return message

    async def finish(self) -> None:
        """Close the text and hear the rest."""
        await self.call.done_writing()
        while (message := await asyncio.wait_for(self.call.read(), 20)) is not grpc.aio.EOF:
            self.heard.append(message)
        assert await self.call.code() is grpc.StatusCode.OK

    def all(self, kind: str) -> list[Any]:
        return [getattr(m, kind) for m in self.heard if m.WhichOneof("payload") == kind]

    @property
    def sound(self) -> bytes:
        return b"".join(chunk.data for chunk in self.all("audio"))


async def said(server: Harness, *messages: Request, **fields: Any) -> Talk:
    """All that comes of messages that are written at once."""
    talk = Talk(server)
    await talk.write(config(**fields), *messages)
    await talk.finish()
    return talk


@pytest.mark.parametrize("size", [1, 7, 100])
async def test_segments_cover_the_text_and_their_sound_is_one_stream(
    tmp_path: Path, size: int
) -> None:
    pieces = [text(TEXT[at : at + size]) for at in range(0, len(TEXT), size)]
    async with running(tmp_path) as server:
        talk = await said(server, *pieces)
    kinds = [message.WhichOneof("payload") for message in talk.heard]
    assert (kinds[0], kinds[-1]) == ("opened", "completed")
    started, ended = talk.all("segment_started"), talk.all("segment_completed")
    spans = [TEXT[each.text_start : each.text_end] for each in started]
    assert "".join(spans) == TEXT
    assert spans[0] == "Good morning,"
    assert [each.segment for each in ended] == list(range(len(spans)))
    assert not [each for each in ended if each.cancelled]
    chunks = talk.all("audio")
    assert [chunk.sequence for chunk in chunks] == list(range(len(chunks)))
    (report,) = talk.all("completed")
    assert report.audio_duration.ToMilliseconds() == len(talk.sound) * 1000 // (2 * RATE_HZ)
    assert report.characters == len(TEXT)
    assert ended[-1].end_time == report.audio_duration


async def test_first_sound_comes_while_the_text_is_still_written(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        talk = Talk(server)
        await talk.write(config(), text("Good morning, dear"))
        await talk.until("audio")
        await talk.finish()
    assert talk.all("completed")


async def test_words_that_wait_too_long_are_spoken_and_a_torn_word_is_not(tmp_path: Path) -> None:
    policy = tts_pb2.CommitPolicy(max_delay=Duration(nanos=50_000_000))
    async with running(tmp_path) as server:
        talk = Talk(server)
        await talk.write(config(commit=policy), text("I think that we sho"))
        started = (await talk.until("segment_started")).segment_started
        await talk.write(text("uld go"))
        await talk.finish()
    assert (started.text_start, started.text_end) == (0, len("I think that we "))
    assert talk.all("segment_started")[1].text_start == len("I think that we ")


async def test_flush_speaks_at_once(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        talk = Talk(server)
        await talk.write(config(), text("Yes"), Request(flush=tts_pb2.Flush()))
        await talk.until("segment_completed")
        await talk.finish()
    assert len(talk.all("segment_started")) == 1


async def test_cancel_stops_all_that_was_written_and_frees_its_place(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        talk = Talk(server)
        server.scheduler.gate.clear()
        await talk.write(config(), text("la " * 500 + ". And some more of it. "))
        await talk.until("opened")
        await talk.write(Request(cancel=tts_pb2.CancelSegment()))
        await talk.write(Request(ping=tts_pb2.Ping(id=5)))
        server.scheduler.gate.set()
        await talk.write(text("But this is said."), Request(flush=tts_pb2.Flush()))
        await talk.finish()
        assert server.scheduler.live == 0
    ended = talk.all("segment_completed")
    assert ended[0].cancelled
    assert [each.cancelled for each in ended][-1] is False
    assert len(talk.sound) / (2 * RATE_HZ) < 5
    assert talk.all("pong")[0].id == 5


async def test_one_segment_is_cancelled_by_its_number(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        talk = Talk(server)
        server.scheduler.gate.clear()
        await talk.write(config(), text("This is said. This is not said. And this again. "))
        await talk.write(Request(cancel=tts_pb2.CancelSegment(segment=1)))
        await talk.write(Request(ping=tts_pb2.Ping(id=1)))
        await talk.until("pong")
        server.scheduler.gate.set()
        await talk.finish()
    assert [each.cancelled for each in talk.all("segment_completed")] == [False, True, False]
    assert [each.segment for each in talk.all("segment_started")] == [0, 2]


async def test_times_count_from_the_beginning_of_text_and_sound(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        talk = await said(server, text(TEXT), timestamps=timestamps_pb2.TIMESTAMP_DETAIL_WORD)
    units = [unit for timing in talk.all("timestamps") for unit in timing.units]
    assert [TEXT[unit.text_start : unit.text_end] for unit in units] == [u.text for u in units]
    assert [unit.text for unit in units][:2] == ["Good", "morning"]
    times = [unit.start_time.ToMilliseconds() for unit in units]
    assert times == sorted(times)
    ends = [each.end_time.ToMilliseconds() for each in talk.all("segment_completed")]
    assert units[-1].end_time.ToMilliseconds() == pytest.approx(ends[-1], abs=1)


async def test_markup_alone_is_passed_over(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        talk = await said(server, text("**\n---\n👍\nWell done you.\n```\nx = 1\n```\n"))
    assert len(talk.all("segment_started")) == 1


async def test_segment_that_cannot_be_read_is_told_and_the_others_are_heard(
    tmp_path: Path,
) -> None:
    written = text("Well done you.\nOh [unread] dear.\nAnd good bye.\n")
    async with running(tmp_path) as server:
        talk = await said(server, written)
    assert [each.segment for each in talk.all("segment_started")] == [0, 2]
    findings = [[f.left_out for f in each.findings] for each in talk.all("segment_completed")]
    assert findings == [[], ["[unread]"], []]


async def test_same_seed_gives_the_same_sound_again(tmp_path: Path) -> None:
    options = tts_pb2.SynthesisOptions(seed=5)
    async with running(tmp_path) as server:
        one, two = [await said(server, text(TEXT), options=options) for _ in range(2)]
    assert one.sound == two.sound
    assert one.all("completed")[0].seed == 5


async def test_each_segment_goes_on_from_the_one_before_it(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        await said(server, text(TEXT), carried=Duration(seconds=2))
        first, *others = [each for each in server.scheduler.admitted if each.text in TEXT]
    assert first.after is None
    assert [each.after is not None for each in others] == [True] * len(others)
    ends = [each.after.until_s for each in others if each.after is not None]
    assert ends == sorted(set(ends))
    assert {each.options.carried_s for each in (first, *others)} == {2.0}


async def test_segment_behind_a_cancelled_one_goes_on_from_what_was_spoken(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        server.scheduler.gate.clear()
        talk = Talk(server)
        await talk.write(config(), text("This is said. This is not said. And this again. "))
        await talk.write(Request(cancel=tts_pb2.CancelSegment(segment=1)))
        await talk.write(Request(ping=tts_pb2.Ping(id=1)))
        await talk.until("pong")
        server.scheduler.gate.set()
        await talk.finish()
        *_, last = server.scheduler.admitted
    assert last.text.strip() == "And this again."
    assert last.after is not None


async def test_nothing_written_is_nothing_said(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        talk = await said(server)
    assert not talk.all("audio")
    assert talk.all("completed")


@pytest.mark.parametrize(
    ("messages", "code", "why", "field"),
    [
        ([text("Hello.")], "INVALID_ARGUMENT", "INVALID_FIELD", "config"),
        ([], "INVALID_ARGUMENT", "INVALID_FIELD", "config"),
        ([config(), config()], "INVALID_ARGUMENT", "INVALID_FIELD", "payload"),
        ([config(voice="alto")], "INVALID_ARGUMENT", "INVALID_FIELD", "config.voice"),
        ([config(timestamps=9)], "INVALID_ARGUMENT", "INVALID_FIELD", "config.timestamps"),
        (
            [config(carried=Duration(seconds=11))],
            "INVALID_ARGUMENT",
            "INVALID_FIELD",
            "config.carried",
        ),
        (
            [config(commit=tts_pb2.CommitPolicy(max_width=5))],
            "INVALID_ARGUMENT",
            "INVALID_FIELD",
            "config.commit.max_width",
        ),
        ([config(), text("a" * 20_001)], "INVALID_ARGUMENT", "TEXT_TOO_LONG", "text.text"),
        ([config(), text("👍 ...")], "INVALID_ARGUMENT", "EMPTY_TEXT", "text.text"),
        ([config(), text("[unread]")], "INVALID_ARGUMENT", "UNSUPPORTED_LANGUAGE", "text.text"),
        (
            [config(language="tlh"), text("Hello you.")],
            "INVALID_ARGUMENT",
            "UNSUPPORTED_LANGUAGE",
            "config.language",
        ),
    ],
)
async def test_wrong_messages_are_refused_with_the_field(
    tmp_path: Path, messages: list[Request], code: str, why: str, field: str
) -> None:
    async def written() -> AsyncIterator[Request]:
        for message in messages:
            yield message

    async with running(tmp_path) as server:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            async for _ in server.tts.StreamingSynthesize(written()):
                pass
    error = caught.value
    assert (error.code().name, reason(error), violated_field(error)) == (code, why, field)


async def test_idle_stream_ends_with_its_own_error_and_pings_keep_it_open(tmp_path: Path) -> None:
    async with running(tmp_path, stream_idle_s=0.6) as server:
        talk = Talk(server)
        await talk.write(config())
        for number in range(5):
            await asyncio.sleep(0.2)
            await talk.write(Request(ping=tts_pb2.Ping(id=number)))
            await talk.until("pong")
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await talk.until("completed")
    assert caught.value.code() is grpc.StatusCode.ABORTED
    assert reason(caught.value) == "STREAM_IDLE"


async def test_failed_speech_ends_the_stream_with_an_error(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await said(server, text("All is well. [mute] "))
        assert reason(caught.value) == "SYNTHESIS_FAILED"
        assert (await said(server, text("And again it is well."))).sound


async def gone(server: Harness) -> None:
    """Wait until the engine has nothing to do."""
    for _ in range(200):
        if not server.scheduler.live:
            return
        await asyncio.sleep(0.05)
    raise AssertionError("the engine still works for a caller that is gone")


@pytest.mark.parametrize("leave", [lambda talk: talk.call.cancel()], ids=["cancelled"])
async def test_caller_that_goes_away_leaves_nothing_behind(
    tmp_path: Path, leave: Callable[[Talk], Awaitable[None]]
) -> None:
    async with running(tmp_path) as server:
        talk = Talk(server)
        await talk.write(config(), text("la " * 5000))
        await talk.until("audio")
        leave(talk)
        await gone(server)
        assert (await said(server, text("Hello again, you."))).sound


async def test_deadline_ends_the_stream_and_frees_its_place(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        talk = Talk(server, timeout=1.0)
        await talk.write(config(), text("Hello you, there "))
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await talk.until("completed")
        assert caught.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
        await gone(server)


async def test_segment_that_the_deadline_leaves_no_time_for_is_refused_at_once(
    tmp_path: Path,
) -> None:
    async with running(tmp_path) as server:
        talk = Talk(server, timeout=60)
        await talk.write(config(), text("Good morning. "))
        await talk.until("segment_completed")
        server.server._engines[0].inference._engine.speed.worked(1000.0, 10.0)
        await talk.write(text("la " * 100 + ". "))
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await talk.finish()
        assert server.scheduler.live == 0
    assert reason(caught.value) == "DEADLINE_UNREACHABLE"


async def test_segments_without_a_deadline_are_never_refused_for_their_length(
    tmp_path: Path,
) -> None:
    async with running(tmp_path) as server:
        server.server._engines[0].inference._engine.speed.worked(1000.0, 10.0)
        talk = Talk(server)
        await talk.write(config(), text("Good morning. It is a fine day."))
        await talk.finish()
    assert talk.heard[-1].HasField("completed")


async def test_cancel_behind_more_text_than_may_wait_is_heard_at_once(tmp_path: Path) -> None:
    async with running(tmp_path, max_text_characters=30) as server:
        server.scheduler.gate.clear()
        talk = Talk(server)
        await talk.write(config(), *[text("Good morning to you all. ")] * 3)
        await talk.write(Request(ping=tts_pb2.Ping(id=7)))
        assert (await talk.until("pong")).pong.id == 7
        await talk.write(Request(cancel=tts_pb2.CancelSegment()))
        server.scheduler.gate.set()
        await talk.finish()
    assert all(segment.cancelled for segment in talk.all("segment_completed"))


async def test_reader_that_stops_reading_stops_the_engine_and_goes_on_later(
    tmp_path: Path,
) -> None:
    async with running(tmp_path) as server:
        talk = Talk(server)
        written = "la " * 6000  # more than the connection takes in
        await talk.write(config(), text(written), Request(flush=tts_pb2.Flush()))
        await talk.until("audio")
        made = -1
        for _ in range(100):
            await asyncio.sleep(0.1)
            if made == server.scheduler.made_chunks:
                break
            made = server.scheduler.made_chunks
        assert made < len(written) // 5
        await talk.finish()
    assert len(talk.sound) >= len(written.rstrip()) // 5 * RATE_HZ // 10 * 2
    assert np.frombuffer(talk.sound, "<i2").any()
