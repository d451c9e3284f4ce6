"""Monotonic alignment and the times of sentences, whatever the weights are."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from engine.pipeline.alignment import SpokenTokens, monotonic_paths, phoneme_boundaries
from engine.pipeline.synthesizer import stream
from engine.pipeline.timing import Timekeeper
from engine.text.frontend import TextFrontend
from engine.types import SynthesisOptions, SynthesisRequest, TimestampDetail
from tests.tiny_bundle import CODES, tiny_bundle, tiny_prompt

RATE_HZ = 16_000


def diagonal(steps: int, durations: list[int]) -> np.ndarray:
    """Scores [1, T, N] that clearly say how long each phoneme lasts."""
    scores = np.full((1, steps, len(durations)), -5.0, np.float32)
    owner = np.repeat(np.arange(len(durations)), durations)
    scores[0, np.arange(steps), owner] = 0.0
    return scores


@pytest.mark.parametrize("durations", [[3, 5, 2], [1] * 10, [9, 1]])
def test_clear_scores_give_their_own_path(durations: list[int]) -> None:
    (path,) = monotonic_paths(diagonal(sum(durations), durations))
    assert list(path) == list(np.repeat(np.arange(len(durations)), durations))


def test_noise_is_overruled_by_what_is_possible() -> None:
    generator = np.random.default_rng(1)
    durations = [4, 6, 3, 8, 5]
    scores = diagonal(26, durations) + generator.normal(0, 1.5, (1, 26, 5)).astype(np.float32)
    (path,) = monotonic_paths(scores)
    assert set(np.diff(path)) <= {0, 1}
    truth = np.repeat(np.arange(5), durations)
    assert np.abs(path - truth).mean() < 0.5


def test_several_maps_are_searched_apart() -> None:
    both = np.concatenate([diagonal(10, [2, 8]), diagonal(10, [7, 3])])
    paths = monotonic_paths(both)
    assert [int(np.searchsorted(path, 1)) for path in paths] == [2, 7]


@pytest.mark.parametrize(("steps", "phonemes"), [(3, 20), (1, 5), (1, 1), (40, 1), (7, 8)])
def test_there_is_always_a_path_that_rises_from_start_to_end(steps: int, phonemes: int) -> None:
    generator = np.random.default_rng(steps)
    scores = generator.normal(size=(2, steps, phonemes)).astype(np.float32)
    for path in monotonic_paths(scores):
        assert len(path) == steps
        assert (np.diff(path) >= 0).all()
        assert path[0] >= 0 and path[-1] < phonemes


def spoken(phonemes: int, tokens: int) -> SpokenTokens:
    voice = tiny_prompt()
    generator = torch.Generator().manual_seed(1)
    own = torch.randint(100, (phonemes,), generator=generator)
    made = torch.randint(CODES, (tokens,), generator=generator)
    ids = torch.cat([voice.phoneme_ids, own])
    return SpokenTokens(ids, None, phonemes, voice.semantic_tokens, made)


@pytest.mark.parametrize(("phonemes", "tokens"), [(8, 30), (30, 12), (1, 1)])
def test_boundaries_rise_from_nothing_to_the_whole(phonemes: int, tokens: int) -> None:
    bundle = tiny_bundle()
    shares = phoneme_boundaries(
        bundle.text_to_semantic, bundle.prompt_maker.decoder, spoken(phonemes, tokens)
    )
    assert len(shares) == phonemes + 1
    assert (shares[0], shares[-1]) == (0.0, 1.0)
    assert (np.diff(shares) >= 0).all()


def test_words_are_timed_within_what_can_be_heard() -> None:
    bundle, text = tiny_bundle(), "We go home."
    phonemes = TextFrontend("v2").phonemes(text, "en")
    keeper = Timekeeper(
        f"**{text}**",
        TimestampDetail.WORD,
        bundle.text_to_semantic,
        bundle.prompt_maker.decoder,
        RATE_HZ,
    )
    clock = keeper.begin(text, phonemes)
    loud = np.full(RATE_HZ, 0.3, np.float32)
    loud[: RATE_HZ // 5] = 0.0
    for start in range(0, RATE_HZ, 1_999):
        clock.hear(loud[start : start + 1_999], None if start else 2 * RATE_HZ)
    timing = clock.timing(spoken(len(phonemes.phoneme_ids), 25))
    assert [unit.text for unit in timing.units] == ["We", "go", "home"]
    assert timing.sentence.text == text
    assert (timing.sentence.text_start, timing.sentence.text_end) == (2, 12)
    assert timing.sentence.start_s >= 2.19
    assert timing.sentence.end_s <= 3.0
    starts = [unit.start_s for unit in timing.units]
    assert starts == sorted(starts)


def test_a_sentence_is_timed_from_its_first_word_however_that_is_written() -> None:
    bundle, text = tiny_bundle(), "1/5/2024, c'est bon"
    request = SynthesisRequest(
        text, "fr", tiny_prompt(), SynthesisOptions(seed=3), TimestampDetail.WORD
    )
    timings = [c.timing for c in stream(bundle, request) if c.timing is not None]
    (timing, *_) = timings
    assert timing.sentence.text.startswith("premier mai deux mille")
    assert timing.sentence.start_s < 0.2
    assert timing.units[0].text == "1/5/2024"


def test_sentence_that_is_said_again_is_timed_by_its_last_sound() -> None:
    bundle, text = tiny_bundle(), "We go home."
    phonemes = TextFrontend("v2").phonemes(text, "en")
    keeper = Timekeeper(
        text, TimestampDetail.WORD, bundle.text_to_semantic, bundle.prompt_maker.decoder, RATE_HZ
    )
    clock = keeper.begin(text, phonemes)
    clock.hear(np.full(5 * RATE_HZ, 0.3, np.float32))
    clock.hear(np.full(RATE_HZ, 0.3, np.float32), 0)
    assert clock.timing(spoken(len(phonemes.phoneme_ids), 25)).sentence.end_s <= 1.0


@pytest.mark.parametrize("speed", [1.0, 2.0])
def test_stream_brings_the_times_of_each_sentence_with_its_last_chunk(speed: float) -> None:
    bundle, text = tiny_bundle(), "We go *home*, and then we rest."
    options = SynthesisOptions(seed=3, speed=speed)
    request = SynthesisRequest(text, "en", tiny_prompt(), options, TimestampDetail.WORD)
    chunks = list(stream(bundle, request))
    timings = [chunk.timing for chunk in chunks if chunk.timing is not None]
    assert [timing.sentence.text for timing in timings] == ["We go home,", "and then we rest."]
    words = [unit for timing in timings for unit in timing.units]
    assert " ".join(unit.text for unit in words) == "We go home and then we rest"
    assert all(text[unit.text_start : unit.text_end] == unit.text for unit in words)
    edges = [second for unit in words for second in (unit.start_s, unit.end_s)]
    assert edges == sorted(edges)
    second = next(chunk for chunk in chunks if chunk.sentence == 1)
    assert words[3].start_s >= second.start_sample / second.sample_rate_hz
    assert edges[-1] <= sum(len(chunk.samples) for chunk in chunks) / bundle.sample_rate_hz


def test_readings_in_brackets_do_not_show_in_what_was_read() -> None:
    text = "They lead[L IY1 D] us."
    request = SynthesisRequest(
        text, "en", tiny_prompt(), SynthesisOptions(seed=3), TimestampDetail.WORD
    )
    (timing,) = [c.timing for c in stream(tiny_bundle(), request) if c.timing is not None]
    assert timing.sentence.text == "They lead us."
    assert [unit.text for unit in timing.units] == ["They", "lead", "us"]


def test_nobody_is_timed_unasked_and_a_text_that_goes_on_ends_in_a_gap() -> None:
    bundle, voice, options = tiny_bundle(), tiny_prompt(), SynthesisOptions(seed=3)
    ends, goes_on = (
        list(stream(bundle, SynthesisRequest("We go.", "en", voice, options, goes_on=more)))
        for more in (False, True)
    )
    assert not [chunk for chunk in ends if chunk.timing is not None]
    lengths = [sum(len(chunk.samples) for chunk in chunks) for chunks in (ends, goes_on)]
    assert lengths[1] - lengths[0] == round(bundle.defaults.sentence_gap_s * bundle.sample_rate_hz)
