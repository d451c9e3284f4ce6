"""Several bundles in one process: whose voice it is decides which weights speak."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import grpc.aio
import numpy as np
import pytest
from gptsovits.tts.v1 import tts_pb2, voices_pb2

from backend.config import Settings
from backend.engines import LoadedBundle
from backend.errors import ConfigurationError
from backend.server import TtsServer
from tests.backend.harness import PCM, create_voice, reason, running, speech, violated_field
from tests.backend.tones import RATE_HZ, ToneBundle, ToneScheduler, pitch_hz

pytestmark = pytest.mark.asyncio

SPANISH = ToneBundle(name="spanish", languages=("es",), revision="second")


async def test_voices_of_all_bundles_are_listed_with_what_they_speak(tmp_path: Path) -> None:
    async with running(tmp_path, bundles=(ToneBundle(), SPANISH)) as server:
        reply = await server.voices.ListVoices(voices_pb2.ListVoicesRequest())
        found = {each.name: (each.bundle, *each.spoken_languages) for each in reply.voices}
        spanish = await server.voices.ListVoices(voices_pb2.ListVoicesRequest(language="es"))
        languages = await server.tts.ListLanguages(tts_pb2.ListLanguagesRequest())
    assert found == {
        "voices/alto": ("tones", "en", "zh"),
        "voices/spanish-alto": ("spanish", "es"),
    }
    assert [each.name for each in spanish.voices] == ["voices/spanish-alto"]
    assert [each.code for each in languages.languages] == ["en", "zh", "es"]
    assert {each.reader for each in languages.languages} == {"tones"}


async def test_a_request_goes_to_the_engine_of_its_voice(tmp_path: Path) -> None:
    async with running(tmp_path, bundles=(ToneBundle(), SPANISH)) as server:
        first, second = server.schedulers
        made = first.made_chunks, second.made_chunks  # by the warming up
        heard = await server.hear(speech("la la", voice="voices/spanish-alto", language="es"))
        assert heard.completed
        assert (first.made_chunks, second.made_chunks) == (made[0], made[1] + 1)
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await server.hear(speech("la la", voice="voices/alto", language="es"))
    assert reason(caught.value) == "UNSUPPORTED_LANGUAGE"


async def test_a_voice_is_made_for_the_bundle_that_is_named(tmp_path: Path) -> None:
    async with running(tmp_path, bundles=(ToneBundle(), SPANISH)) as server:
        voice = await create_voice(server, "tenor", language="es", bundle="spanish")
        assert (voice.bundle, list(voice.spoken_languages)) == ("spanish", ["es"])
        assert (await create_voice(server, "bass")).bundle == "tones"
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await create_voice(server, "nobody", bundle="french")
    assert violated_field(caught.value) == "config.bundle"


async def test_a_voice_whose_bundle_is_gone_speaks_with_the_first(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with running(tmp_path, bundles=(ToneBundle(), SPANISH)) as server:
        await create_voice(server, "tenor", language="es", bundle="spanish")
    both = ToneBundle(languages=("en", "es"))
    async with running(tmp_path, bundles=(both,)) as server:
        heard = await server.hear(speech("la", voice="voices/tenor", language="en"))
    assert heard.completed
    assert "voice tenor was made for the bundle spanish" in caplog.text


async def test_a_bundle_replaced_under_its_name_meets_no_stale_prompt(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        await create_voice(server, "tenor")
    (folder,) = (tmp_path / "voices").iterdir()
    old = folder / "prompt-first.safetensors"
    old.write_bytes(b"a prompt that the new bundle must not read")
    async with running(tmp_path, bundles=(replace(ToneBundle(), revision="newer"),)) as server:
        heard = await server.hear(speech("la " * 50, voice="voices/tenor", encoding=PCM))
    assert pitch_hz(np.frombuffer(heard.audio, "<i2"), RATE_HZ) == pytest.approx(300, abs=2)
    assert (folder / "prompt-newer.safetensors").is_file()


async def test_two_bundles_of_one_name_are_refused(tmp_path: Path) -> None:
    server = TtsServer(Settings(port=0, data_dir=tmp_path))
    loaded = [LoadedBundle(ToneBundle(), ToneScheduler()) for _ in range(2)]
    with pytest.raises(ConfigurationError, match="differ in name: tones, tones"):
        await server.start(loaded)
    await server.stop()


async def test_a_database_of_an_older_version_gains_its_columns(tmp_path: Path) -> None:
    import sqlite3

    async with running(tmp_path) as server:
        await create_voice(server, "tenor")
    with sqlite3.connect(tmp_path / "gptsovits.db") as database:
        database.execute("ALTER TABLE voices DROP COLUMN bundle")
    database.close()
    async with running(tmp_path) as server:
        assert (await server.hear(speech("la", voice="voices/tenor"))).completed
