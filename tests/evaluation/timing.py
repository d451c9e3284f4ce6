"""How far the times of words are off: `python -m tests.evaluation.timing [--bundle folder]`.

Flite tells when each of its phones begins. Its speech is taken apart into the bundle's tokens, the
aligner says when each word of it begins and ends, and the two are compared. Only words whose
phones agree in both pronunciations are counted. Exits 1 when the median or the 95th percentile of
the error is above the limits.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from pathlib import Path

import numpy as np
import torch

from engine.audio.resample import resample_high_quality
from engine.pipeline.alignment import SpokenTokens
from engine.pipeline.bundle import Bundle, load_bundle
from engine.pipeline.timing import Timekeeper
from engine.training.starter.speech import PAUSE, FliteVoice, Spoken
from engine.types import Audio, Phonemes, TimestampDetail
from tests.evaluation.originals import program_voices
from tests.evaluation.texts import EVERYDAY, everyday_sentences

FLITE_NAMES = {"ax": "ah"}


@dataclass(frozen=True, slots=True)
class WordTime:
    """A word of the text, and from when to when it was really spoken."""

    text: str
    start_s: float
    end_s: float


def true_times(phonemes: Phonemes, phones: Sequence[tuple[str, float]]) -> list[WordTime | None]:
    """When each word of `phonemes` was spoken, by the synthesizer's `phones` (name, end).

    None for a word whose first or last phone is another one there.
    """
    words = [(w, n) for segment in phonemes.segments for w, n in segment.words]
    sounds = [sound for segment in phonemes.segments for sound in segment.phonemes]
    ours = [re.sub(r"\d", "", sound).lower() for sound in sounds]
    starts = [0.0, *(end for _, end in phones)]
    voiced = [i for i, (name, _) in enumerate(phones) if name != PAUSE]
    theirs = [FLITE_NAMES.get(phones[i][0], phones[i][0]) for i in voiced]
    matcher = SequenceMatcher(None, ours, theirs, autojunk=False)
    twin = {a + k: voiced[b + k] for a, b, n in matcher.get_matching_blocks() for k in range(n)}
    found: list[WordTime | None] = []
    position = 0
    for text, count in words:
        first, last = position, position + count - 1
        position += count
        if not any(char.isalnum() for char in text):
            continue
        known = count and first in twin and last in twin
        begin, end = (starts[twin[first]], phones[twin[last]][1]) if known else (0.0, 0.0)
        found.append(WordTime(text, begin, end) if known else None)
    return found


def errors_s(bundle: Bundle, voice_id: str, texts: Sequence[str]) -> Iterator[float]:
    """Yield the errors of all beginnings and ends of words, in seconds."""
    synthesizer = FliteVoice(program_voices()[voice_id])
    for text in texts:
        spoken = synthesizer.speak(text)
        phonemes = bundle.phonemes(text, "en")
        timed = _timed_words(bundle, voice_id, text, phonemes, spoken)
        wanted = true_times(phonemes, spoken.phones)
        if len(timed) != len(wanted):  # a number or the like: no word for word
            continue
        for own, true in zip(timed, wanted, strict=True):
            if true is not None:
                yield abs(own.start_s - true.start_s)
                yield abs(own.end_s - true.end_s)


def _timed_words(
    bundle: Bundle, voice_id: str, text: str, phonemes: Phonemes, spoken: Spoken
) -> Sequence[WordTime]:
    prompt = bundle.builtin_voices[voice_id].prompt
    own = torch.tensor(phonemes.phoneme_ids)
    tokens = SpokenTokens(
        torch.cat([prompt.phoneme_ids, own]),
        None,
        len(own),
        prompt.semantic_tokens,
        _tokens_of(bundle, spoken.audio),
    )
    rate = spoken.audio.sample_rate_hz
    keeper = Timekeeper(
        text, TimestampDetail.WORD, bundle.text_to_semantic, bundle.prompt_maker.decoder, rate
    )
    clock = keeper.begin(text, phonemes)
    clock.hear(spoken.audio.samples)
    units = clock.timing(tokens).units
    return [WordTime(unit.text, unit.start_s, unit.end_s) for unit in units]


@torch.inference_mode()
def _tokens_of(bundle: Bundle, audio: Audio) -> torch.Tensor:
    peak = bundle.defaults.reference_peak
    scale = peak / abs(audio.samples).max() if peak else 1.0
    heard = resample_high_quality(
        Audio((audio.samples * scale).astype(np.float32), audio.sample_rate_hz), 16_000
    )
    features = bundle.prompt_maker.content_encoder(torch.from_numpy(heard.samples)[None])
    return bundle.prompt_maker.decoder.extract_semantic_tokens(features)[0]


def main(arguments: Sequence[str]) -> int:
    """Measure and report; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.evaluation.timing", description=__doc__)
    parser.add_argument("--bundle", type=Path, default=Path("engine/bundles/starter"))
    parser.add_argument("--voices", default="rms,slt", help="ids joined by commas")
    parser.add_argument("--sentences", type=Path, default=EVERYDAY, help="one a line")
    parser.add_argument("--count", type=int, default=50, help="how many of the sentences")
    parser.add_argument("--max-median-ms", type=float, default=40.0)
    parser.add_argument("--max-p95-ms", type=float, default=150.0)
    options = parser.parse_args(arguments)
    bundle = load_bundle(options.bundle, "cpu")
    texts = everyday_sentences(options.sentences)[: options.count]
    found = [e for voice in options.voices.split(",") for e in errors_s(bundle, voice, texts)]
    median, p95 = 1000 * np.median(found), 1000 * np.percentile(found, 95)
    print(f"{len(found)} boundaries of words: median error {median:.0f} ms, p95 {p95:.0f} ms")
    return int(median > options.max_median_ms or p95 > options.max_p95_ms)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
