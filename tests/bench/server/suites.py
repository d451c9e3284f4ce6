"""Listeners alone, many at a time, of a long text, and in several voices."""

from __future__ import annotations

import asyncio
import json
import shutil
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from backend.config import STARTER_BUNDLE
from tests.bench.report import Row
from tests.bench.server.figures import (
    Found,
    broken_streams,
    clock_s,
    failures,
    first_audio_ms,
    percentile,
    shares,
    throughput,
    underruns,
    waits,
)
from tests.bench.server.listener import MP3, PCM, Client, Heard, Wish
from tests.bench.server.load import SENTENCES, Choice, arrivals, at_once, english, mixed_voices
from tests.bench.server.process import Load, Served, served

SLT, OTHER_SLT = "voices/slt", "voices/second-slt"
CROWD, VISITORS = 16, 2  # the crowd asks for more than two cores can do
SINGLE_ROUNDS = 40
GREETING = "Hello, and welcome to the evening program."
LONG_ROUNDS = 5  # of all sentences
MIXED_STREAMS = 6
HOST_STREAMS = (64, 128, 192, 256)
SHOWN_STREAMS, SHOWN_LISTENERS = 8, 24


async def single(load: Load) -> Found:
    """One listener after another, the voice cached: raw sound, MP3, and what can be heard."""
    forms, found = {"pcm": PCM, "mp3": MP3}, Found()
    heard: dict[str, list[Heard]] = {form: [] for form in forms}
    async with served(load) as server:
        await _warm_up(server.client)
        for _ in range(SINGLE_ROUNDS):
            for form, encoding in forms.items():
                wish = Wish(GREETING, SLT, "en", encoding)
                heard[form].append(await server.client.listen(wish, time.perf_counter()))
    for form, each in heard.items():
        found.rows += waits(form, each) + underruns(form, each)
        found.curves[f"first audio, {form}"] = shares([one.first_audio_s for one in each])
    audible = [one.first_audible_s for one in heard["pcm"] if one.first_audible_s is not None]
    found.curves["first audible, pcm"] = shares(audible)
    found.rows += [
        Row(f"pcm: first audible, p{p}", 1e3 * percentile(audible, p), "ms") for p in (50, 95)
    ]
    return found


async def streams(load: Load) -> Found:
    """More and more listeners at a time, who come when they please."""
    found = Found()
    async with served(load, max_streams=max(16, *load.streams)) as server:
        await _warm_up(server.client)
        for count in load.streams:
            heard = await _come(found, server, f"{count} streams", english(), count, load.seconds)
            audio_s = sum(each.audio_s for each in heard)
            finished = sum(each.whole for each in heard)
            for name, value in {
                "first audio p50, ms": first_audio_ms(heard, 50),
                "first audio p95, ms": first_audio_ms(heard, 95),
                "underruns, %": 100 * broken_streams(heard) / max(1, finished),
                "seconds of audio a second": audio_s / clock_s(heard),
            }.items():
                found.curves.setdefault(name, []).append((count, value))
            if count == SHOWN_STREAMS:
                for number, each in enumerate(heard[:SHOWN_LISTENERS]):
                    found.curves[f"lead {number}"] = each.lead()
    return found


async def host(load: Load) -> Found:
    """The same of models that a GPU is pretended to run: what the rest of the server can do."""
    found = Found()
    program = "tests.bench.server.pretended"
    async with served(load, program, max_streams=max(HOST_STREAMS)) as server:
        await _warm_up(server.client)
        for count in HOST_STREAMS:
            await _come(found, server, f"{count} streams", english(), count, load.seconds)
    return found


async def burst(load: Load) -> Found:
    """Listeners who all come at one moment."""
    found = Found()
    async with served(load, max_streams=max(16, *load.streams)) as server:
        await _warm_up(server.client)
        for count in load.streams:
            wishes = [Wish(SENTENCES[n % len(SENTENCES)], SLT, "en") for n in range(count)]
            before_s = server.processor_s()
            heard = await at_once(server.client, wishes)
            _tell(found, f"{count} at once", heard, server.processor_s() - before_s)
            opened_ms = 1e3 * percentile([each.opened_s for each in heard if each.whole], 95)
            found.rows.append(Row(f"{count} at once: let in, p95", opened_ms, "ms"))
            if count == SHOWN_STREAMS:
                found.curves |= {f"lead {n}": each.lead() for n, each in enumerate(heard)}
    return found


async def long_text(load: Load) -> Found:
    """One listener of about two minutes of speech."""
    found = Found()
    text = " ".join(SENTENCES * LONG_ROUNDS)
    async with served(load) as server:
        await _warm_up(server.client)
        before_mb, before_s = server.resident_mb(), server.processor_s()
        heard = [await server.client.listen(Wish(text, SLT, "en"), time.perf_counter())]
        spent_s, grown_mb = server.processor_s() - before_s, server.resident_mb() - before_mb
    name = f"{len(text)} characters"
    found.rows += waits(name, heard)[:1] + underruns(name, heard) + failures(name, heard)
    found.rows += [Row(f"{name}: sound", heard[0].audio_s, "s")]
    found.rows += throughput(name, heard, spent_s)
    found.rows += [Row(f"{name}: memory grew by", grown_mb, "MB")]
    found.curves["lead"] = heard[0].lead()
    return found


async def voices(load: Load) -> Found:
    """As many listeners of one voice, and of three voices in two languages."""
    found = Found()
    async with served(load) as server:
        await _warm_up(server.client)
        await at_once(server.client, [Wish("你好。", "voices/mei", "zh")])
        for name, choice in {"one voice": english(), "mixed voices": mixed_voices}.items():
            await _come(found, server, name, choice, MIXED_STREAMS, load.seconds)
    return found


async def bundles(load: Load) -> Found:
    """Many listeners of one bundle and few of another, in one process; then all of one."""
    found = Found()
    with TemporaryDirectory() as folder:
        pair = f"{STARTER_BUNDLE},{_second_bundle(Path(folder))}"
        async with served(load, bundle=pair) as server:
            await _warm_up(server.client)
            await _warm_up(server.client, OTHER_SLT)
            places = {"beside a busy bundle": OTHER_SLT, "in the busy bundle": SLT}
            for name, voice in places.items():
                crowd, visitors = await asyncio.gather(
                    arrivals(server.client, english(), CROWD, load.seconds),
                    arrivals(server.client, english(voice), VISITORS, load.seconds),
                )
                for label, heard in {"the crowd": crowd, "the few": visitors}.items():
                    title = f"{label}, {name}"
                    found.rows += waits(title, heard) + underruns(title, heard)
                    found.rows += failures(title, heard)
    return found


def _second_bundle(folder: Path) -> Path:
    """The starter bundle under another name."""
    copied = Path(shutil.copytree(STARTER_BUNDLE, folder / "second"))
    config = copied / "bundle.json"
    config.write_text(json.dumps({**json.loads(config.read_text("utf-8")), "name": "second"}))
    return copied


async def _warm_up(client: Client, voice: str = SLT) -> None:
    """Let the server meet what the first requests of a kind take."""
    await at_once(client, [Wish(text, voice, "en") for text in SENTENCES])


async def _come(
    found: Found, server: Served, name: str, choice: Choice, streams: float, seconds: float
) -> list[Heard]:
    before_s = server.processor_s()
    heard = await arrivals(server.client, choice, streams, seconds)
    _tell(found, name, heard, server.processor_s() - before_s)
    return heard


def _tell(found: Found, name: str, heard: Sequence[Heard], spent_s: float) -> None:
    found.rows += waits(name, heard) + underruns(name, heard) + failures(name, heard)
    found.rows += throughput(name, heard, spent_s)
