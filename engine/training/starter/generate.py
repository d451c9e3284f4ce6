"""Step 1: speak the corpus, and keep sound, text and phone times in one folder."""

from __future__ import annotations

import itertools
import json
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import numpy as np
from pypinyin import Style, lazy_pinyin
from rich.progress import Progress

from engine.training.starter.corpus import english_texts, mandarin_texts
from engine.training.starter.speech import EspeakVoice, FliteVoice, SpeechSource, Spoken

MIN_S, MAX_S = 0.8, 8.0
AT_ONCE = 64  # texts that are handed to the synthesizer's processes together


@dataclass(frozen=True, slots=True)
class Speaker:
    """A synthetic speaker: its synthesizer, the synthesizer's voice, and how much it says."""

    name: str
    synthesizer: str
    voice: str
    language: str
    utterances: int
    title: str
    description: str


@dataclass(frozen=True, slots=True)
class Utterance:
    """One spoken text; `start` and `length` are samples in the folder's `audio.int16`."""

    speaker: str
    language: str
    text: str
    start: int
    length: int
    phones: tuple[tuple[str, float], ...]


def generate(folder: Path, speakers: tuple[Speaker, ...], seed: int) -> None:
    """Fill `folder` with `audio.int16` and `utterances.jsonl`; does nothing if they are there."""
    index = folder / "utterances.jsonl"
    if index.exists():
        return
    folder.mkdir(parents=True, exist_ok=True)
    partial = index.with_suffix(".partial")
    with (folder / "audio.int16").open("wb") as audio, partial.open("w") as rows:
        start = 0
        for i, speaker in enumerate(speakers):
            for text, spoken in _speeches(speaker, seed + i):
                samples = (spoken.audio.samples * 32767).astype(np.int16)
                audio.write(samples.tobytes())
                row = Utterance(
                    speaker.name, speaker.language, text, start, len(samples), spoken.phones
                )
                rows.write(json.dumps(asdict(row), ensure_ascii=False) + "\n")
                start += len(samples)
    partial.rename(index)


def load_utterances(folder: Path) -> list[Utterance]:
    """Read what `generate` wrote."""
    lines = (folder / "utterances.jsonl").read_text().splitlines()
    rows = [json.loads(line) for line in lines]
    return [Utterance(**row | {"phones": tuple(map(tuple, row["phones"]))}) for row in rows]


def load_audio(folder: Path) -> np.memmap[tuple[int], np.dtype[np.int16]]:
    """Map the folder's samples, int16 at 16 kHz."""
    return np.memmap(folder / "audio.int16", dtype=np.int16, mode="r")


def speak(speaker: Speaker, text: str) -> Spoken:
    """Speak one `text`."""
    return _source(speaker).speak(_readable(speaker, text))


def _speeches(speaker: Speaker, seed: int) -> Iterator[tuple[str, Spoken]]:
    source = _source(speaker)
    texts = mandarin_texts(seed) if speaker.language == "zh" else english_texts(seed)
    fitting = (pair for pair in _spoken(speaker, source, texts) if _fits(pair[1]))
    with Progress() as progress:
        task = progress.add_task(f"speaking {speaker.name}", total=speaker.utterances)
        for pair in itertools.islice(fitting, speaker.utterances):
            progress.advance(task)
            yield pair


def _spoken(
    speaker: Speaker, source: SpeechSource, texts: Iterator[str]
) -> Iterator[tuple[str, Spoken]]:
    """Each text and its speech, in order; several at a time where the source allows it."""
    read = partial(_readable, speaker)
    with ThreadPoolExecutor(os.cpu_count() if source.parallel else 1) as executor:
        for some in itertools.batched(texts, AT_ONCE):
            yield from zip(some, executor.map(source.speak, map(read, some)), strict=True)


def _fits(spoken: Spoken) -> bool:
    return MIN_S <= spoken.audio.duration_s <= MAX_S


def _source(speaker: Speaker) -> SpeechSource:
    kinds: dict[str, type[FliteVoice] | type[EspeakVoice]]
    kinds = {"flite": FliteVoice, "espeak-ng": EspeakVoice}
    return kinds[speaker.synthesizer](speaker.voice)


def _readable(speaker: Speaker, text: str) -> str:
    return _pinyin(text) if speaker.synthesizer == "espeak-ng" else text


def _pinyin(text: str) -> str:
    """Hanzi to numbered pinyin: espeak-ng reads hanzi wrongly, pinyin rightly."""
    syllables = lazy_pinyin(text, style=Style.TONE3, neutral_tone_with_five=True, tone_sandhi=True)
    return " ".join(syllables)
