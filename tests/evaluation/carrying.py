"""What carrying on costs or gains in words: `python -m tests.evaluation.carrying`.

The sentences come as texts of five, each sentence a request that goes on from the one before, as
`StreamingSynthesize` makes them; the same seeds with and without what was spoken in the prompt.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from engine.pipeline.bundle import Bundle, load_bundle
from engine.pipeline.scheduler import Scheduler
from engine.types import Audio, Samples, SpokenEnd, SynthesisOptions, SynthesisRequest
from tests.evaluation.recognizer import Recognizer, word_error_rate
from tests.evaluation.texts import EVERYDAY, everyday_sentences

SENTENCES_A_TEXT = 5


def speak_texts(
    bundle: Bundle, voice_id: str, texts: Sequence[Sequence[str]], carried_s: float
) -> list[list[Audio | None]]:
    """The speech of the sentences of each text, None for one that failed; all texts at once."""
    voice, scheduler = bundle.builtin_voices[voice_id], Scheduler(bundle, len(texts))
    pieces: dict[tuple[int, int], list[Samples]] = {}
    places: dict[int, tuple[int, int]] = {}
    failed: set[tuple[int, int]] = set()

    def begin(text: int, sentence: int, after: SpokenEnd | None) -> None:
        seed = SENTENCES_A_TEXT * text + sentence
        options, words = SynthesisOptions(seed=seed, carried_s=carried_s), texts[text][sentence]
        request = SynthesisRequest(
            words, voice.language, voice.prompt, options, goes_on=True, after=after
        )
        places[scheduler.admit(request)] = text, sentence
        pieces[text, sentence] = []

    for text in range(len(texts)):
        begin(text, 0, None)
    while scheduler.live:
        for event in scheduler.step():
            text, sentence = place = places[event.stream_id]
            pieces[place] += [] if event.chunk is None else [event.chunk.samples]
            failed |= set() if event.error is None else {place}
            if event.done and sentence + 1 < len(texts[text]):
                begin(text, sentence + 1, event.end)
    rate = bundle.sample_rate_hz
    return [
        [
            None if (text, n) in failed else Audio(np.concatenate(pieces[text, n]), rate)
            for n in range(len(sentences))
        ]
        for text, sentences in enumerate(texts)
    ]


def main(arguments: Sequence[str]) -> int:
    """Speak, listen and print the word error rates."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.evaluation.carrying", description=__doc__
    )
    parser.add_argument("--bundle", type=Path, default=Path("engine/bundles/starter"))
    parser.add_argument("--voices", default="rms,slt", help="ids joined by commas")
    parser.add_argument("--count", type=int, default=50, help="how many of the sentences")
    parser.add_argument("--carried", default="0,1.5,3", help="seconds, joined by commas")
    parser.add_argument(
        "--longest", type=float, default=10.0, help="longest prompt in seconds, tail and all"
    )
    options = parser.parse_args(arguments)
    bundle = load_bundle(options.bundle, "cpu")
    defaults = replace(bundle.defaults, longest_reference_s=options.longest)
    bundle = replace(bundle, config=replace(bundle.config, defaults=defaults))
    sentences, ear = everyday_sentences(EVERYDAY)[: options.count], Recognizer()
    firsts = range(0, len(sentences), SENTENCES_A_TEXT)
    texts = [sentences[at : at + SENTENCES_A_TEXT] for at in firsts]
    for voice in options.voices.split(","):
        for carried_s in map(float, options.carried.split(",")):
            spoken = [one for text in speak_texts(bundle, voice, texts, carried_s) for one in text]
            heard = ["" if one is None else ear.transcribe(one) for one in spoken]
            share = word_error_rate(sentences, heard)
            print(f"{voice}: {carried_s:g} s carried, word error rate {share:.1%}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
