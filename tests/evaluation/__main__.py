"""Judge a bundle: `python -m tests.evaluation --bundle folder [--voices a,b] [--json file]`.

Three questions, each put to an ear that had no part in training:

1. Are the words understood? Word error rate (WER) of PocketSphinx on everyday sentences, beside
   its rate on the synthesizer that the voice was taught with, and on that synthesizer's speech
   copied through the bundle's tokens.
2. Is it the right voice? A classifier that learned from those synthesizers alone.
3. Does it go wrong? Silent, cut or endless speech among random sentences.

Exits 0 only when the limits that the options set are kept.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from engine.pipeline.bundle import load_bundle
from tests.evaluation.judging import Judgement, judge_accidents, judge_voices
from tests.evaluation.originals import program_voices
from tests.evaluation.texts import EVERYDAY, everyday_sentences, random_sentences

RANDOM_SEED = 7


def main(arguments: Sequence[str]) -> int:
    """Judge and report; return the exit status."""
    options = _parser().parse_args(arguments)
    bundle = load_bundle(options.bundle, "cpu")
    voices = _voices(options.voices, sorted(bundle.builtin_voices))
    verdict = Judgement(
        bundle.name,
        judge_voices(bundle, voices, everyday_sentences(options.sentences)),
        options.random,
        judge_accidents(bundle, voices, random_sentences(options.random, RANDOM_SEED)),
    )
    _print(verdict)
    if options.json is not None:
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(json.dumps(dataclasses.asdict(verdict), indent=2) + "\n")
    faults = verdict.faults(options.max_wer, options.min_share, options.max_accidents)
    for fault in faults:
        print(f"failed: {fault}")
    return 1 if faults else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.evaluation", description=__doc__)
    parser.add_argument("--bundle", type=Path, default=Path("engine/bundles/starter"))
    parser.add_argument("--voices", default="", help="ids joined by commas; else all English ones")
    parser.add_argument("--sentences", type=Path, default=EVERYDAY, help="one a line")
    parser.add_argument("--random", type=int, default=200, help="how many random sentences")
    parser.add_argument("--json", type=Path, help="file for the numbers")
    parser.add_argument("--max-wer", type=float, default=0.2, help="of each voice")
    parser.add_argument("--min-share", type=float, default=0.9, help="heard as the right voice")
    parser.add_argument("--max-accidents", type=int, default=0, help="among the random sentences")
    return parser


def _voices(wanted: str, known: list[str]) -> list[str]:
    teachers = program_voices()
    if not wanted:
        return [voice for voice in known if voice in teachers]
    chosen = wanted.split(",")
    if strangers := [voice for voice in chosen if voice not in known or voice not in teachers]:
        raise SystemExit(f"not an English voice of the bundle: {', '.join(strangers)}")
    return chosen


def _print(verdict: Judgement) -> None:
    table = Table(
        "voice", "WER", "of copies", "of the original", "heard as itself", "pitch", "original"
    )
    for voice in verdict.voices:
        table.add_row(
            voice.voice_id,
            f"{voice.word_error_rate:.1%}",
            f"{voice.copied_word_error_rate:.1%}",
            f"{voice.original_word_error_rate:.1%}",
            f"{voice.heard_as_itself:.0%}",
            f"{voice.pitch_hz:.0f} Hz",
            f"{voice.original_pitch_hz:.0f} Hz",
        )
    console = Console()
    console.print(table)
    console.print(f"{len(verdict.accidents)} accidents in {verdict.random_sentences} sentences")
    for accident in verdict.accidents:
        console.print(f"  {accident.reason}: {accident.text}", markup=False)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
