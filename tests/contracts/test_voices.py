"""The contract of `VoiceService`, on a real server and a real client."""

from __future__ import annotations

import asyncio
import io
import sqlite3
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import av
import grpc
import grpc.aio
import numpy as np
import pytest
from google.rpc import error_details_pb2
from gptsovits.tts.v1 import voices_pb2

from tests.backend.harness import (
    PCM,
    Harness,
    create_voice,
    detail,
    reason,
    running,
    speech,
    tone_wav,
    upload,
    violated_field,
    voice_config,
)
from tests.backend.tones import RATE_HZ, pitch_hz

pytestmark = pytest.mark.asyncio

Messages = Iterator[voices_pb2.CreateVoiceRequest]


async def refused(server: Harness, messages: Messages) -> grpc.aio.AioRpcError:
    """Return the error that an upload ends with."""
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await server.voices.CreateVoice(messages)
    return caught.value


async def names(server: Harness, **fields: object) -> list[str]:
    """Return the names on one page of the list."""
    reply = await server.voices.ListVoices(voices_pb2.ListVoicesRequest(**fields))
    return [voice.name for voice in reply.voices]


def as_mp3(wav: bytes) -> bytes:
    """Return the same sound as an MP3 file with all its headers."""
    target = io.BytesIO()
    with av.open(io.BytesIO(wav)) as source, av.open(target, "w", format="mp3") as sink:
        stream = sink.add_stream("libmp3lame", rate=24000)
        for frame in source.decode(audio=0):
            sink.mux(stream.encode(frame))
        sink.mux(stream.encode(None))
    return target.getvalue()


async def test_created_voice_speaks_at_once(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        voice = await create_voice(server, "tenor", pitch_hz=300)
        heard = await server.hear(speech("la " * 50, voice=voice.name, encoding=PCM))
    assert (voice.name, voice.display_name, voice.language) == ("voices/tenor", "Tenor", "en")
    assert not voice.builtin
    assert voice.create_time.seconds > 0
    assert (voice.sample_rate_hz, list(voice.spoken_languages)) == (RATE_HZ, ["en", "zh"])
    assert pitch_hz(np.frombuffer(heard.audio, "<i2"), RATE_HZ) == pytest.approx(300, abs=2)


async def test_reference_may_be_an_mp3(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        messages = upload(voice_config(), as_mp3(tone_wav()), as_mp3(tone_wav()))
        reply = await server.voices.CreateVoice(messages)
    assert reply.voice.name == "voices/tenor"


async def test_empty_id_gets_a_made_up_one(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        first, second = await create_voice(server, ""), await create_voice(server, "")
        assert {first.name, second.name} < set(await names(server))
    assert first.name.startswith("voices/voice-")


async def test_builtin_and_stored_voices_are_listed_by_name(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        await create_voice(server, "tenor")
        await create_voice(server, "aaa")
        assert await names(server) == ["voices/aaa", "voices/alto", "voices/tenor"]
        assert await names(server, language="zh") == await names(server)
        assert await names(server, language="tlh") == []
        reply = await server.voices.GetVoice(voices_pb2.GetVoiceRequest(name="voices/alto"))
    assert reply.voice.builtin
    assert not reply.voice.HasField("create_time")


async def test_pages_join_to_the_whole_list_even_while_it_changes(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        for voice_id in ("b", "c", "d"):
            await create_voice(server, voice_id)
        request = voices_pb2.ListVoicesRequest(page_size=2)
        first = await server.voices.ListVoices(request)
        await server.voices.DeleteVoice(voices_pb2.DeleteVoiceRequest(name="voices/b"))
        request.page_token = first.next_page_token
        second = await server.voices.ListVoices(request)
    assert [voice.name for voice in first.voices] == ["voices/alto", "voices/b"]
    assert [voice.name for voice in second.voices] == ["voices/c", "voices/d"]
    assert not second.next_page_token


@pytest.mark.parametrize(
    ("fields", "field"),
    [({"page_size": -1}, "page_size"), ({"page_token": "not ours"}, "page_token")],
)
async def test_wrong_pages_are_refused(
    tmp_path: Path, fields: dict[str, object], field: str
) -> None:
    async with running(tmp_path) as server:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await names(server, **fields)
    assert (reason(caught.value), violated_field(caught.value)) == ("INVALID_FIELD", field)


async def test_deleted_voice_leaves_nothing_behind(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        await create_voice(server)
        kept = [path for path in tmp_path.rglob("*") if path.is_file()]
        assert any(path.name == "reference.wav" for path in kept)
        assert any(path.name == "consent.wav" for path in kept)
        await server.voices.DeleteVoice(voices_pb2.DeleteVoiceRequest(name="voices/tenor"))
        assert await names(server) == ["voices/alto"]
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await server.hear(speech(voice="voices/tenor"))
    assert reason(caught.value) == "VOICE_NOT_FOUND"
    assert sorted(path.name for path in tmp_path.rglob("*") if path.is_file()) == [
        "gptsovits.db",
        "lock",
    ]
    assert b"La la la." not in (tmp_path / "gptsovits.db").read_bytes()


async def test_id_of_a_deleted_voice_can_be_used_again(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        await create_voice(server, "tenor", pitch_hz=300)
        await server.hear(speech(voice="voices/tenor"))
        await server.voices.DeleteVoice(voices_pb2.DeleteVoiceRequest(name="voices/tenor"))
        await create_voice(server, "tenor", pitch_hz=700)
        heard = await server.hear(speech("la " * 50, voice="voices/tenor", encoding=PCM))
    assert pitch_hz(np.frombuffer(heard.audio, "<i2"), RATE_HZ) == pytest.approx(700, abs=2)


async def test_a_voice_that_is_replaced_in_mid_speech_is_heard_to_the_end(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        await create_voice(server, "tenor", pitch_hz=300)
        (scheduler,) = server.schedulers
        scheduler.gate.clear()
        hearing = asyncio.create_task(
            server.hear(speech("la " * 200, voice="voices/tenor", encoding=PCM))
        )
        while not scheduler.live:
            await asyncio.sleep(0.01)
        await server.voices.DeleteVoice(voices_pb2.DeleteVoiceRequest(name="voices/tenor"))
        await create_voice(server, "tenor", pitch_hz=700)
        scheduler.gate.set()
        heard = await hearing
    assert heard.completed
    assert pitch_hz(np.frombuffer(heard.audio, "<i2"), RATE_HZ) == pytest.approx(300, abs=2)


async def test_voices_survive_a_restart(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        before = await create_voice(server, "tenor", pitch_hz=300)
    async with running(tmp_path) as server:
        reply = await server.voices.GetVoice(voices_pb2.GetVoiceRequest(name="voices/tenor"))
        heard = await server.hear(speech("la " * 50, voice="voices/tenor", encoding=PCM))
    assert reply.voice == before
    assert pitch_hz(np.frombuffer(heard.audio, "<i2"), RATE_HZ) == pytest.approx(300, abs=2)


async def test_prompt_is_made_anew_from_the_reference_where_it_is_missing(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        await create_voice(server, "tenor", pitch_hz=300)
    (prompt,) = tmp_path.rglob("prompt-*.safetensors")
    prompt.unlink()
    async with running(tmp_path) as server:
        heard = await server.hear(speech("la " * 50, voice="voices/tenor", encoding=PCM))
    assert pitch_hz(np.frombuffer(heard.audio, "<i2"), RATE_HZ) == pytest.approx(300, abs=2)
    assert prompt.exists()


async def test_builtin_voice_cannot_be_deleted(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await server.voices.DeleteVoice(voices_pb2.DeleteVoiceRequest(name="voices/alto"))
    assert caught.value.code() is grpc.StatusCode.FAILED_PRECONDITION
    assert reason(caught.value) == "VOICE_BUILTIN"


@pytest.mark.parametrize("method", ["GetVoice", "DeleteVoice"])
async def test_unknown_voice_is_not_found_and_the_known_ones_are_told(
    tmp_path: Path, method: str
) -> None:
    request = getattr(voices_pb2, f"{method}Request")(name="voices/nobody")
    async with running(tmp_path) as server:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await getattr(server.voices, method)(request)
    assert caught.value.code() is grpc.StatusCode.NOT_FOUND
    info = detail(caught.value, error_details_pb2.ErrorInfo)
    assert (info.reason, info.metadata["known_voices"]) == ("VOICE_NOT_FOUND", "voices/alto")


@pytest.mark.parametrize("voice_id", ["alto", "tenor"])
async def test_taken_id_is_refused(tmp_path: Path, voice_id: str) -> None:
    async with running(tmp_path) as server:
        await create_voice(server, "tenor")
        error = await refused(server, upload(voice_config(voice_id), tone_wav(), tone_wav()))
    assert (error.code(), reason(error)) == (grpc.StatusCode.ALREADY_EXISTS, "VOICE_EXISTS")


@pytest.mark.parametrize(
    "consent",
    [
        None,
        voices_pb2.ConsentStatement(speaker_name="T. Enor"),
        voices_pb2.ConsentStatement(text="You may use my voice."),
    ],
)
async def test_voice_without_a_consent_statement_is_refused(
    tmp_path: Path, consent: voices_pb2.ConsentStatement | None
) -> None:
    async with running(tmp_path) as server:
        config = voice_config(consent=consent)
        error = await refused(server, upload(config, tone_wav(), tone_wav()))
    assert error.code() is grpc.StatusCode.FAILED_PRECONDITION
    assert reason(error) == "CONSENT_REQUIRED"


@pytest.mark.parametrize(
    "consent",
    [b"", tone_wav(seconds=0.2), b"this is no sound", tone_wav(pitch_hz=0), tone_wav(seconds=121)],
)
async def test_voice_without_a_recorded_consent_is_refused(tmp_path: Path, consent: bytes) -> None:
    async with running(tmp_path) as server:
        error = await refused(server, upload(voice_config(), tone_wav(), consent))
        assert await names(server) == ["voices/alto"]
    assert reason(error) == "CONSENT_REQUIRED"


@pytest.mark.parametrize(
    "reference",
    [b"this is no sound", tone_wav()[:60], tone_wav(seconds=2.9), tone_wav(seconds=10.1)],
)
async def test_unusable_reference_is_refused(tmp_path: Path, reference: bytes) -> None:
    async with running(tmp_path) as server:
        error = await refused(server, upload(voice_config(), reference, tone_wav()))
        assert await names(server) == ["voices/alto"]
    assert (error.code().name, reason(error)) == ("INVALID_ARGUMENT", "INVALID_REFERENCE")
    assert violated_field(error) == "reference_data"


async def test_more_words_than_anybody_says_in_the_time_are_refused(tmp_path: Path) -> None:
    config = voice_config(transcript="La la la. " * 100)
    async with running(tmp_path) as server:
        error = await refused(server, upload(config, tone_wav(seconds=4.0), tone_wav()))
    assert reason(error) == "INVALID_REFERENCE"
    assert "give the words of just this recording" in str(error.details())


async def test_fewer_words_than_anybody_says_in_the_time_are_refused(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        error = await refused(
            server, upload(voice_config(transcript="La."), tone_wav(), tone_wav())
        )
    assert reason(error) == "INVALID_REFERENCE"
    assert "give all the words of the recording" in (error.details() or "")


async def test_recording_may_come_in_one_message(tmp_path: Path) -> None:
    consent = tone_wav(seconds=110.0)
    async with running(tmp_path) as server:
        messages = upload(voice_config(), tone_wav(), consent, piece=len(consent))
        assert (await server.voices.CreateVoice(messages)).voice.name == "voices/tenor"


async def test_upload_that_never_ends_is_told_its_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def endless() -> AsyncIterator[voices_pb2.CreateVoiceRequest]:
        yield voices_pb2.CreateVoiceRequest(config=voice_config())
        await asyncio.Event().wait()

    monkeypatch.setattr("backend.servicers.voices.MAX_UPLOAD_S", 0.3)
    async with running(tmp_path) as server:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await server.voices.CreateVoice(endless())
    assert reason(caught.value) == "DEADLINE_EXCEEDED"
    assert "close the stream" in str(caught.value.details())


async def test_voice_that_cannot_be_written_is_told_and_leaves_nothing(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        (tmp_path / "staging").rmdir()
        (tmp_path / "staging").touch()
        error = await refused(server, upload(voice_config(), tone_wav(), tone_wav()))
        assert await names(server) == ["voices/alto"]
    assert (error.code(), reason(error)) == (grpc.StatusCode.INTERNAL, "STORAGE_FAILED")
    assert str(tmp_path) not in str(error.details())


async def test_voice_that_the_database_refuses_leaves_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with running(tmp_path) as server:
        with sqlite3.connect(tmp_path / "gptsovits.db") as database:
            database.execute(
                "CREATE TRIGGER full BEFORE INSERT ON voices BEGIN INSERT INTO gone VALUES (1); END"
            )
        database.close()
        error = await refused(server, upload(voice_config(), tone_wav(), tone_wav()))
        assert await names(server) == ["voices/alto"]
    assert reason(error) == "STORAGE_FAILED"
    assert "no such table: main.gone" in caplog.text
    assert not list((tmp_path / "voices").iterdir())
    assert not list((tmp_path / "staging").iterdir())


@pytest.mark.parametrize("seconds", [3.0, 10.0])
async def test_reference_of_the_shortest_and_longest_length_is_taken(
    tmp_path: Path, seconds: float
) -> None:
    async with running(tmp_path) as server:
        messages = upload(voice_config(), tone_wav(seconds=seconds), tone_wav())
        assert (await server.voices.CreateVoice(messages)).voice.name == "voices/tenor"


@pytest.mark.parametrize(
    ("fields", "why", "field"),
    [
        ({"voice_id": "Tenor"}, "INVALID_FIELD", "config.voice_id"),
        ({"voice_id": "../../etc"}, "INVALID_FIELD", "config.voice_id"),
        ({"voice_id": "a" * 64}, "INVALID_FIELD", "config.voice_id"),
        ({"display_name": "x" * 201}, "INVALID_FIELD", "config.display_name"),
        ({"transcript": " "}, "INVALID_FIELD", "config.transcript"),
        ({"language": "tlh"}, "UNSUPPORTED_LANGUAGE", "config.language"),
        ({"language": ""}, "UNSUPPORTED_LANGUAGE", "config.language"),
    ],
)
async def test_wrong_config_is_refused_with_the_field(
    tmp_path: Path, fields: dict[str, str], why: str, field: str
) -> None:
    async with running(tmp_path) as server:
        error = await refused(server, upload(voice_config(**fields), tone_wav(), tone_wav()))
    assert (error.code().name, reason(error)) == ("INVALID_ARGUMENT", why)
    assert violated_field(error) == field


@pytest.mark.parametrize("what", ["reference", "consent"])
async def test_upload_beyond_the_limit_is_refused(tmp_path: Path, what: str) -> None:
    recordings = {"reference": tone_wav(), "consent": tone_wav(), what: bytes(400_000)}
    async with running(tmp_path, max_upload_bytes=300_000) as server:
        error = await refused(server, upload(voice_config(), **recordings))
    assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert reason(error) == "UPLOAD_TOO_LARGE"


async def test_upload_must_begin_with_its_config_and_hold_only_one(tmp_path: Path) -> None:
    config = voices_pb2.CreateVoiceRequest(config=voice_config())
    data = voices_pb2.CreateVoiceRequest(reference_data=tone_wav())
    async with running(tmp_path) as server:
        for messages in ([], [data], [config, config], [config], [config, data]):
            error = await refused(server, iter(messages))
            wanted = "CONSENT_REQUIRED" if messages == [config, data] else "INVALID_FIELD"
            assert reason(error) == wanted
