"""What a part of a text takes over from the part before it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from engine.pipeline.bundle import Bundle
from engine.pipeline.carrying import Carrier
from engine.pipeline.scheduler import Scheduler, StreamEvent
from engine.pipeline.stream import Stream
from engine.text.symbols import SILENT
from engine.types import (
    Finding,
    Flaw,
    SpokenEnd,
    SpokenTail,
    SynthesisOptions,
    SynthesisRequest,
)
from tests.tiny_bundle import tiny_bundle, tiny_prompt

FIRST, SECOND = "We go home now.", "And then we rest."


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    return tiny_bundle()


def request(
    text: str, *, after: SpokenEnd | None = None, carried_s: float = 8.0, goes_on: bool = False
) -> SynthesisRequest:
    options = SynthesisOptions(seed=3, carried_s=carried_s)
    return SynthesisRequest(text, "en", tiny_prompt(), options, goes_on=goes_on, after=after)


def spoken(bundle: Bundle, wanted: SynthesisRequest) -> list[StreamEvent]:
    scheduler, events = Scheduler(bundle), list[StreamEvent]()
    scheduler.admit(wanted)
    while scheduler.live:
        events += scheduler.step()
    assert not [event.error for event in events if event.error]
    return events


def end_of(bundle: Bundle, wanted: SynthesisRequest) -> SpokenEnd:
    end = spoken(bundle, wanted)[-1].end
    assert end is not None
    return end


def tail_of(bundle: Bundle, wanted: SynthesisRequest) -> SpokenTail:
    tail = end_of(bundle, wanted).tail
    assert tail is not None
    return tail


def test_the_next_part_reads_the_voice_then_what_was_spoken_then_its_own_words(
    bundle: Bundle,
) -> None:
    tail = tail_of(bundle, request(FIRST, goes_on=True))
    said = torch.tensor(bundle.phonemes(FIRST, "en").phoneme_ids)
    assert torch.equal(tail.phoneme_ids, said)
    first = Stream(bundle, request(SECOND, after=SpokenEnd(tail, 0.0))).begin()
    assert first is not None
    own, voice = torch.tensor(bundle.phonemes(SECOND, "en").phoneme_ids), tiny_prompt()
    assert torch.equal(first.phoneme_ids, torch.cat([voice.phoneme_ids, said, own]))
    prompt = torch.cat([voice.semantic_tokens, tail.semantic_tokens])
    assert torch.equal(first.prompt_tokens, prompt)


def test_sentences_of_one_part_carry_on_as_well(bundle: Bundle) -> None:
    both = tail_of(bundle, request(f"{FIRST} {SECOND}", goes_on=True))
    assert torch.equal(both.phoneme_ids, torch.tensor(bundle.phonemes(SECOND, "en").phoneme_ids))


def test_a_request_that_stands_alone_carries_nothing(bundle: Bundle) -> None:
    wanted = request(f"{FIRST} {SECOND}")
    assert end_of(bundle, wanted).tail is None
    plain = replace(wanted, options=SynthesisOptions(seed=3, carried_s=0.0))
    sounds = [
        np.concatenate([e.chunk.samples for e in spoken(bundle, each) if e.chunk is not None])
        for each in (wanted, plain)
    ]
    np.testing.assert_array_equal(*sounds)


def test_what_is_carried_is_bounded_and_begins_with_a_word(bundle: Bundle) -> None:
    whole = tail_of(bundle, request(FIRST, goes_on=True))
    limit = len(whole.semantic_tokens) // 2
    part = tail_of(bundle, request(FIRST, goes_on=True, carried_s=limit / 25))
    assert 0 < len(part.semantic_tokens) <= limit
    kept = len(part.phoneme_ids)
    assert torch.equal(part.phoneme_ids, whole.phoneme_ids[-kept:])
    assert torch.equal(part.semantic_tokens, whole.semantic_tokens[-len(part.semantic_tokens) :])
    (segment,) = bundle.phonemes(FIRST, "en").segments
    starts = np.cumsum([0, *(count for _, count in segment.words)])
    first = len(segment.phonemes) - kept
    assert first in starts
    assert segment.phonemes[first] not in SILENT


def test_prompt_and_tail_are_no_longer_than_the_longest_reference(bundle: Bundle) -> None:
    long_voice = replace(tiny_prompt(), semantic_tokens=torch.zeros(25 * 11, dtype=torch.int64))
    wanted = replace(request(FIRST, goes_on=True), voice=long_voice)
    assert end_of(bundle, wanted).tail is None


def test_a_bundle_may_carry_nothing(bundle: Bundle) -> None:
    config = replace(bundle.config, defaults=replace(bundle.config.defaults, carried_s=0.0))
    silent = replace(bundle, config=config)
    wanted = replace(request(FIRST, goes_on=True), options=SynthesisOptions(seed=3))
    assert end_of(silent, wanted).tail is None
    assert end_of(bundle, wanted).tail is not None


def test_features_of_characters_stand_where_their_phonemes_do(bundle: Bundle) -> None:
    tail = SpokenTail(torch.tensor([1, 2]), torch.tensor([3, 4, 5]), torch.full((8, 3), 2.0))
    carrier = Carrier(bundle, request(SECOND, after=SpokenEnd(tail, 0.0)))
    bert = carrier.prefill(torch.tensor([6, 7]), torch.full((8, 2), 3.0)).bert_features
    assert bert is not None
    prompt = len(tiny_prompt().phoneme_ids)
    assert bert[0].tolist() == [0.0] * prompt + [2.0] * 3 + [3.0] * 2


def test_a_sentence_that_was_not_right_is_no_example(bundle: Bundle) -> None:
    stream = Stream(bundle, request(FIRST, goes_on=True))
    stream.carrier.tail = SpokenTail(torch.tensor([1]), torch.tensor([2]), None)
    stream.begin()
    stream._findings[0] = Finding(0, Flaw.TOO_SHORT, 1, resolved=False)
    stream._close(resolved=False)
    assert stream.end.tail is None


def test_the_next_part_is_due_when_the_one_before_has_been_heard(bundle: Bundle) -> None:
    now_s = 100.0
    scheduler = Scheduler(bundle, clock=lambda: now_s)
    early = scheduler.admit(request(FIRST))
    late = scheduler.admit(request(SECOND, after=SpokenEnd(None, now_s + 5)))
    assert scheduler._streams[early].due_s < now_s + 1
    assert scheduler._streams[late].due_s == now_s + 5
