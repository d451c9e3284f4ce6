"""Listeners that come when they please, whether or not the server keeps up."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Sequence

from tests.bench.server.listener import Client, Heard, Wish

PATIENCE_S = 30.0
USUAL_AUDIO_S = 4.2  # of one of the sentences
SENTENCES = (
    "The rain came early this morning, and the road to the village was wet.",
    "My sister keeps two old boats in a small harbor by the sea.",
    "Please bring the blue folder to the meeting at a quarter past nine.",
    "We walked along the river until the lights of the town came on.",
    "Nobody remembers who planted the apple trees behind the school.",
    "If the train is late again, take the bus from the corner.",
)
CHINESE = ("今天早上下了一点小雨，路上的人不多。", "请把蓝色的文件放在桌子上，谢谢。")

Choice = Callable[[random.Random], Wish]


def english(voice: str = "voices/slt") -> Choice:
    """Any of the English sentences, in one voice."""
    return lambda source: Wish(source.choice(SENTENCES), voice, "en")


def mixed_voices(source: random.Random) -> Wish:
    """A sentence in one of the bundle's three voices, in its own language."""
    voice = source.choice(("rms", "slt", "mei"))
    is_chinese = voice == "mei"
    text = source.choice(CHINESE if is_chinese else SENTENCES)
    return Wish(text, f"voices/{voice}", "zh" if is_chinese else "en")


async def arrivals(client: Client, choice: Choice, streams: float, seconds: float) -> list[Heard]:
    """Let listeners come for `seconds`, so many that about `streams` listen at a time.

    They come by a Poisson process; waits count from when a listener was due to come.
    """
    source, tasks = random.Random(1), []
    began_s, due_s = time.perf_counter(), 0.0
    while (due_s := due_s + source.expovariate(streams / USUAL_AUDIO_S)) < seconds or not tasks:
        await asyncio.sleep(began_s + due_s - time.perf_counter())
        listening = client.listen(choice(source), began_s + due_s, PATIENCE_S)
        tasks.append(asyncio.create_task(listening))
    return list(await asyncio.gather(*tasks))


async def at_once(client: Client, wishes: Sequence[Wish]) -> list[Heard]:
    """Let listeners come all at one time."""
    now_s = time.perf_counter()
    return list(await asyncio.gather(*(client.listen(wish, now_s) for wish in wishes)))
