"""The contract of `TextToSpeechService`, on a real server and a real client."""

from __future__ import annotations

import asyncio
import io
import wave
from pathlib import Path

import av
import grpc
import grpc.aio
import numpy as np
import pytest
from google.rpc import error_details_pb2
from gptsovits.tts.v1 import tts_pb2

from tests.backend.harness import (
    MP3,
    PCM,
    WAV,
    detail,
    reason,
    running,
    speech,
    tone_wav,
    upload,
    violated_field,
    voice_config,
)
from tests.backend.tones import BUILTIN_PITCH_HZ, RATE_HZ, pitch_hz

pytestmark = pytest.mark.asyncio


def decoded(data: bytes, form: str) -> tuple[np.ndarray, int]:
    """Return the samples and the rate of a file."""
    with av.open(io.BytesIO(data), format=form) as container:
        frames = list(container.decode(audio=0))
    samples = np.concatenate([frame.to_ndarray().reshape(-1) for frame in frames])
    return samples, frames[0].sample_rate


async def test_stream_opens_sounds_and_completes(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        heard = await server.hear(speech("Hello there, how are you?"))
    assert [chunk.sequence for chunk in heard.chunks] == list(range(len(heard.chunks)))
    assert len(heard.chunks) > 1
    assert all(chunk.data for chunk in heard.chunks)
    assert heard.chunks[-1].end_sample == RATE_HZ // 2
    (opened,), (completed,) = heard.opened, heard.completed
    assert opened.request_id
    assert (opened.audio_format.encoding, opened.audio_format.sample_rate_hz) == (MP3, RATE_HZ)
    assert completed.seed == 7
    assert completed.characters == 25
    assert completed.audio_duration.ToMilliseconds() == 500
    first, whole = completed.time_to_first_audio, completed.processing_time
    assert 0 < first.ToMicroseconds() <= whole.ToMicroseconds()


@pytest.mark.parametrize("rate", [0, 16000, 22050, 24000, 32000, 44100, 48000])
async def test_streamed_mp3_is_frames_only_and_plays(tmp_path: Path, rate: int) -> None:
    async with running(tmp_path) as server:
        heard = await server.hear(speech("la " * 20, encoding=MP3, rate=rate))
    assert heard.audio[0] == 0xFF
    assert heard.audio[1] & 0xE0 == 0xE0
    for header in (b"ID3", b"Xing", b"Info"):
        assert header not in heard.audio[:2000]
    samples, decoded_rate = decoded(heard.audio, "mp3")
    assert decoded_rate == (rate or RATE_HZ)
    assert len(samples) / decoded_rate == pytest.approx(1.2, abs=0.15)
    middle = samples[len(samples) // 4 : -len(samples) // 4]
    assert pitch_hz(middle, decoded_rate) == pytest.approx(BUILTIN_PITCH_HZ, abs=5)


async def test_streamed_wav_begins_with_a_header_of_unknown_length(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        heard = await server.hear(speech(encoding=WAV, rate=16000))
    assert heard.chunks[0].data[:4] == b"RIFF"
    assert heard.audio[40:44] == b"\xff" * 4
    samples, rate = decoded(heard.audio, "wav")
    assert (len(samples), rate) == (8000, 16000)


async def test_unary_wav_tells_its_true_length(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        request = tts_pb2.SynthesizeRequest(input=speech(encoding=WAV))
        reply = await server.tts.Synthesize(request)
    with wave.open(io.BytesIO(reply.audio)) as file:
        assert (file.getframerate(), file.getnframes()) == (RATE_HZ, RATE_HZ // 2)
        samples = np.frombuffer(file.readframes(RATE_HZ), "<i2")
    assert np.abs(samples).max() == pytest.approx(0.5 * 32767, rel=0.01)
    assert reply.audio_format.encoding == WAV
    assert reply.report.audio_duration.ToMilliseconds() == 500


async def test_unary_and_streamed_sound_are_the_same(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        request = tts_pb2.SynthesizeRequest(input=speech(encoding=PCM))
        reply = await server.tts.Synthesize(request)
        heard = await server.hear(speech(encoding=PCM))
    assert reply.audio == heard.audio


async def test_unspecified_encoding_is_mp3_and_empty_language_the_voices_own(
    tmp_path: Path,
) -> None:
    async with running(tmp_path) as server:
        request = tts_pb2.SynthesizeRequest(input=speech(encoding=0, language=""))
        reply = await server.tts.Synthesize(request)
    assert reply.audio_format.encoding == MP3


async def test_languages_are_those_of_the_bundle(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        reply = await server.tts.ListLanguages(tts_pb2.ListLanguagesRequest())
    names = {language.code: language.display_name for language in reply.languages}
    assert list(names) == ["en", "zh"]
    assert names["zh"] == "Chinese"


@pytest.mark.parametrize(
    ("fields", "code", "why", "field"),
    [
        ({"text": ""}, "INVALID_ARGUMENT", "EMPTY_TEXT", "input.text"),
        ({"text": " ... "}, "INVALID_ARGUMENT", "EMPTY_TEXT", "input.text"),
        ({"text": "[unread]"}, "INVALID_ARGUMENT", "UNSUPPORTED_LANGUAGE", "input.text"),
        ({"text": "a" * 20_001}, "INVALID_ARGUMENT", "TEXT_TOO_LONG", "input.text"),
        ({"text": "字" * 100_000}, "INVALID_ARGUMENT", "TEXT_TOO_LONG", "input.text"),
        ({"language": "tlh"}, "INVALID_ARGUMENT", "UNSUPPORTED_LANGUAGE", "input.language"),
        ({"voice": ""}, "INVALID_ARGUMENT", "INVALID_FIELD", "input.voice"),
        ({"voice": "alto"}, "INVALID_ARGUMENT", "INVALID_FIELD", "input.voice"),
        ({"voice": "voices/a/b"}, "INVALID_ARGUMENT", "INVALID_FIELD", "input.voice"),
        (
            {"options": tts_pb2.SynthesisOptions(speed=9)},
            "INVALID_ARGUMENT",
            "INVALID_FIELD",
            "input.options.speed",
        ),
        (
            {"options": tts_pb2.SynthesisOptions(top_k=0)},
            "INVALID_ARGUMENT",
            "INVALID_FIELD",
            "input.options.top_k",
        ),
        (
            {"options": tts_pb2.SynthesisOptions(sample_steps=0)},
            "INVALID_ARGUMENT",
            "INVALID_FIELD",
            "input.options.sample_steps",
        ),
        (
            {"rate": 12345},
            "INVALID_ARGUMENT",
            "INVALID_FIELD",
            "input.audio_format.sample_rate_hz",
        ),
        ({"encoding": 99}, "INVALID_ARGUMENT", "INVALID_FIELD", "input.audio_format.encoding"),
    ],
)
async def test_wrong_input_is_refused_with_the_field(
    tmp_path: Path, fields: dict[str, object], code: str, why: str, field: str
) -> None:
    async with running(tmp_path) as server:
        with pytest.raises(grpc.aio.AioRpcError) as streamed:
            await server.hear(speech(**fields))
        with pytest.raises(grpc.aio.AioRpcError) as unary:
            await server.tts.Synthesize(tts_pb2.SynthesizeRequest(input=speech(**fields)))
    for error in (streamed.value, unary.value):
        assert (error.code().name, reason(error), violated_field(error)) == (code, why, field)


async def test_smallest_options_are_accepted_in_spite_of_32_bits(tmp_path: Path) -> None:
    options = tts_pb2.SynthesisOptions(temperature=0.01, top_p=0.01, repetition_penalty=1.0)
    async with running(tmp_path) as server:
        heard = await server.hear(speech(options=options))
    assert heard.completed


async def test_unknown_voice_is_not_found_and_the_known_ones_are_told(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await server.hear(speech(voice="voices/basso"))
    assert caught.value.code() is grpc.StatusCode.NOT_FOUND
    info = detail(caught.value, error_details_pb2.ErrorInfo)
    assert (info.reason, info.metadata["known_voices"]) == ("VOICE_NOT_FOUND", "voices/alto")


async def test_failed_synthesis_is_an_error_and_the_server_goes_on(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await server.hear(speech("[mute]"))
        heard = await server.hear(speech())
    assert caught.value.code() is grpc.StatusCode.INTERNAL
    assert reason(caught.value) == "SYNTHESIS_FAILED"
    assert heard.completed


async def test_eight_streams_at_once_keep_their_own_voices(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        pitches = {"alto": BUILTIN_PITCH_HZ}
        for number in range(7):
            pitches[f"voice-{number}"] = 200 + 100 * number
            messages = upload(
                voice_config(f"voice-{number}"), tone_wav(200 + 100 * number), tone_wav()
            )
            await server.voices.CreateVoice(messages)
        heard = await asyncio.gather(
            *(
                server.hear(speech("la " * 100, encoding=PCM, voice=f"voices/{voice_id}"))
                for voice_id in pitches
            )
        )
    for pitch, stream in zip(pitches.values(), heard, strict=True):
        samples = np.frombuffer(stream.audio, "<i2")
        assert len(samples) == 6 * RATE_HZ
        assert pitch_hz(samples, RATE_HZ) == pytest.approx(pitch, abs=2)
        assert len(stream.completed) == 1


async def test_same_seed_is_reported_back(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        heard = await server.hear(speech(options=tts_pb2.SynthesisOptions(seed=1234)))
    assert heard.completed[0].seed == 1234
