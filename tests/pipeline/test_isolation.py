"""No stream carries anything of another's, whoever comes, goes and pauses beside it."""

from __future__ import annotations

import random
from collections import defaultdict
from dataclasses import dataclass, field

import numpy as np
import pytest
import torch

from engine.pipeline.bundle import Bundle
from engine.pipeline.scheduler import Scheduler
from engine.text.lexicon import Lexicon
from engine.types import Samples, SynthesisOptions, SynthesisRequest
from tests.marked_bundle import Marks, marked_bundle, marked_voice, read_marks, text_mark
from tests.tiny_bundle import tiny_bundle, tiny_prompt

VOICES, REQUESTS, ROWS = 64, 256, 24
PLACES = ("river", "harbor", "station", "garden", "school", "market", "bridge", "tower")
PEOPLE = ("my sister", "the baker", "a sailor", "our neighbor", "the teacher", "nobody")
DOINGS = ("walked to", "waited at", "drew", "wrote about", "dreamed of")


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    return marked_bundle()


def a_text(number: int) -> str:
    """A text that no other number has."""
    source = random.Random(number)
    words = [source.choice(each) for each in (PEOPLE, DOINGS, PLACES)]
    return f"{words[0]} {words[1]} the {words[2]}, {number} times."


def a_request(number: int) -> SynthesisRequest:
    voice = marked_voice(number % VOICES)
    return SynthesisRequest(a_text(number), "en", voice, SynthesisOptions(seed=number))


def alone(bundle: Bundle, number: int) -> Marks:
    """What a request says when nobody else is there."""
    crowd = Crowd(bundle, rows=1)
    crowd.begin(number)
    while crowd.scheduler.live:
        crowd.step()
    return read_marks(crowd.heard[number])


@dataclass
class Crowd:
    """Many requests on one scheduler, and the sound of each that came to its end."""

    bundle: Bundle
    rows: int
    live: dict[int, int] = field(default_factory=dict)  # numbers by stream ids
    ended: set[int] = field(default_factory=set)
    pieces: dict[int, list[Samples]] = field(default_factory=lambda: defaultdict(list))

    def __post_init__(self) -> None:
        self.scheduler = Scheduler(self.bundle, self.rows)

    @property
    def heard(self) -> dict[int, Samples]:
        return {number: np.concatenate(self.pieces[number]) for number in self.ended}

    def begin(self, number: int) -> None:
        self.live[self.scheduler.admit(a_request(number))] = number

    def cancel(self, stream_id: int) -> None:
        self.scheduler.cancel(stream_id)
        del self.live[stream_id]

    def step(self) -> None:
        for event in self.scheduler.step():
            assert event.error is None
            assert event.chunk is not None
            self.pieces[self.live[event.stream_id]].append(event.chunk.samples)
            if event.done:
                self.ended.add(self.live.pop(event.stream_id))


def in_disorder(bundle: Bundle, seed: int) -> Crowd:
    """All requests in some order; some are cancelled, some pause."""
    source, crowd = random.Random(seed), Crowd(bundle, ROWS)
    to_come, paused = source.sample(range(REQUESTS), REQUESTS), set[int]()
    while to_come or crowd.live:
        while to_come and len(crowd.live) < ROWS + 4 and source.random() < 0.5:
            crowd.begin(to_come.pop())
        if crowd.live and source.random() < 0.01:
            crowd.cancel(source.choice(sorted(crowd.live)))
        if crowd.live and source.random() < 0.2:
            chosen = source.choice(sorted(crowd.live))
            crowd.scheduler.pause(chosen)
            paused.add(chosen)
        for stream_id in [each for each in sorted(paused) if source.random() < 0.2]:
            crowd.scheduler.resume(stream_id)
            paused.remove(stream_id)
        crowd.step()
    return crowd


def test_64_voices_and_256_requests_carry_nothing_of_each_other(bundle: Bundle) -> None:
    expected = [alone(bundle, number) for number in range(REQUESTS)]
    crowd = in_disorder(bundle, seed=1)
    assert REQUESTS // 2 < len(crowd.ended) < REQUESTS
    for number, samples in crowd.heard.items():
        marks = read_marks(samples)
        assert marks.voices == {number % VOICES + 1}, f"request {number}: another's voice"
        assert marks.texts == expected[number].texts, f"request {number}: another's text"
        assert marks.tokens == expected[number].tokens, f"request {number}: other tokens"


def test_marks_tell_the_voice_and_the_text_of_a_sound(bundle: Bundle) -> None:
    """What the test above rests on."""
    marks = [alone(bundle, number) for number in range(20)]
    assert [each.voices for each in marks] == [{number + 1} for number in range(20)]
    for number, each in enumerate(marks):
        assert each.texts == marks_of_text(bundle, a_text(number))
    assert len({each.texts for each in marks}) == 20


def test_none_of_a_hundred_sentences_is_dropped_or_repeated(bundle: Bundle) -> None:
    policy = SynthesisOptions().split_policy
    text = " ".join(a_text(number) for number in range(100))
    sentences = bundle.frontend.sentences(text, "en", policy)
    assert len(sentences) >= 100
    scheduler, order, pieces = Scheduler(bundle), list[int](), list[Samples]()
    scheduler.admit(SynthesisRequest(text, "en", a_request(0).voice, SynthesisOptions(seed=1)))
    while scheduler.live:
        for event in scheduler.step():
            assert event.error is None and event.chunk is not None
            order.append(event.chunk.sentence)
            pieces.append(event.chunk.samples)
    assert order == sorted(order)
    assert set(order) == set(range(len(sentences)))
    assert read_marks(np.concatenate(pieces)).texts == marks_of_text(bundle, text)


def marks_of_text(bundle: Bundle, text: str) -> set[int]:
    """The marks of the sentences that a text is cut into."""
    widest, policy = bundle.defaults.widest_piece, SynthesisOptions().split_policy
    sentences = bundle.frontend.sentences(text, "en", policy, Lexicon(()), widest)
    read = [bundle.phonemes(sentence, "en").phoneme_ids for sentence in sentences]
    return {text_mark(torch.tensor(phoneme_ids)) for phoneme_ids in read}


def test_the_sound_itself_is_the_same_in_any_mix() -> None:
    bundle = tiny_bundle()
    requests = [
        SynthesisRequest(a_text(n), "en", tiny_prompt(seed=n), SynthesisOptions(seed=n))
        for n in range(12)
    ]
    together = Scheduler(bundle, 5)
    numbers = {together.admit(request): n for n, request in enumerate(requests)}
    sounds: dict[int, list[Samples]] = defaultdict(list)
    while together.live:
        for event in together.step():
            if event.chunk is not None:
                sounds[numbers[event.stream_id]].append(event.chunk.samples)
    for n, request in enumerate(requests):
        single, pieces = Scheduler(bundle, 1), []
        single.admit(request)
        while single.live:
            pieces += [e.chunk.samples for e in single.step() if e.chunk is not None]
        np.testing.assert_allclose(
            np.concatenate(sounds[n]), np.concatenate(pieces), atol=1e-4, err_msg=f"request {n}"
        )
