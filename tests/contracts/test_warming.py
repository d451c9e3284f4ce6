"""What a server does before it says that it serves."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.backend.harness import create_voice, running, speech

pytestmark = pytest.mark.asyncio


async def test_every_language_of_a_voice_is_spoken_once(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        assert [each.language for each in server.scheduler.admitted] == ["en"]
        for voice_id in ("tenor", "bass"):
            await create_voice(server, voice_id, language="zh")
    async with running(tmp_path) as server:
        assert [each.language for each in server.scheduler.admitted] == ["en", "zh"]


async def test_a_damaged_voice_keeps_no_server_from_serving(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with running(tmp_path) as server:
        await create_voice(server, "tenor", language="zh")
    for file in (tmp_path / "voices").glob("*/*"):
        file.write_bytes(b"not what it was")
    async with running(tmp_path) as server:
        assert (await server.hear(speech())).completed
    assert "warming up in the voice tenor gave no speech" in caplog.text
