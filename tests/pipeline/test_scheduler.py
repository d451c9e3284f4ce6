"""The scheduler: many streams, none of which touches another."""

from __future__ import annotations

import gc
import itertools
import math
import weakref
from collections.abc import Iterator
from dataclasses import replace
from unittest.mock import patch

import numpy as np
import pytest

from engine.errors import (
    EmptyTextError,
    SynthesisError,
    UnreadableTextError,
    UnsupportedLanguageError,
)
from engine.pipeline import scheduler as scheduling
from engine.pipeline.bundle import Bundle
from engine.pipeline.piece_batches import PieceBatches
from engine.pipeline.scheduler import Scheduler, StreamEvent
from engine.pipeline.stream import Stream
from engine.pipeline.synthesizer import stream, synthesize
from engine.pipeline.token_rows import TokenRows
from engine.pipeline.vits_stream import FIRST_PIECE_TOKENS, VitsAcoustics
from engine.types import (
    Flaw,
    Samples,
    SpeechChecks,
    SplitPolicy,
    SynthesisOptions,
    SynthesisRequest,
    TimestampDetail,
)
from tests.tiny_bundle import tiny_bundle, tiny_prompt

TEXT = "The rain came early, and the road was wet."


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    return tiny_bundle()


@pytest.fixture
def _no_collector() -> Iterator[None]:
    """It comes after hundreds of requests, and what one holds is megabytes."""
    gc.disable()
    yield
    gc.enable()


def request(
    text: str = TEXT, seed: int = 3, voice: int = 0, speed: float = 1.0
) -> SynthesisRequest:
    return SynthesisRequest(
        text, "en", tiny_prompt(seed=voice), SynthesisOptions(seed=seed, speed=speed)
    )


def run(scheduler: Scheduler) -> dict[int, list[StreamEvent]]:
    """Step until no stream is left; the events of each."""
    events: dict[int, list[StreamEvent]] = {}
    while scheduler.live:
        for event in scheduler.step():
            events.setdefault(event.stream_id, []).append(event)
    return events


def sound(events: list[StreamEvent]) -> Samples:
    return np.concatenate([e.chunk.samples for e in events if e.chunk is not None])


def test_the_same_seed_gives_the_same_sound_alone_and_among_others(bundle: Bundle) -> None:
    alone = synthesize(bundle, request()).samples
    scheduler = Scheduler(bundle)
    others = [scheduler.admit(request(seed=10 + i, voice=i)) for i in range(3)]
    for _ in range(7):
        scheduler.step()
    late = scheduler.admit(request())
    events = run(scheduler)
    assert len(sound(events[late])) == len(alone)
    np.testing.assert_allclose(sound(events[late]), alone, atol=1e-4)
    assert all(events[i][-1].done for i in others)


def test_another_seed_gives_another_sound(bundle: Bundle) -> None:
    one, two = (synthesize(bundle, request(seed=s)).samples for s in (1, 2))
    assert len(one) != len(two) or not np.allclose(one, two)


def test_chunks_follow_each_other_without_a_gap(bundle: Bundle) -> None:
    scheduler = Scheduler(bundle)
    stream = scheduler.admit(request())
    position = 0
    for event in run(scheduler)[stream]:
        assert event.chunk is not None
        assert event.chunk.start_sample == position
        position += len(event.chunk.samples)


def test_the_first_chunk_leaves_before_the_sentence_is_finished(bundle: Bundle) -> None:
    scheduler = Scheduler(bundle)
    scheduler.admit(
        SynthesisRequest(
            TEXT,
            "en",
            tiny_prompt(),
            SynthesisOptions(seed=5, split_policy=SplitPolicy.NONE),
        )
    )
    events: list[StreamEvent] = []
    while not events:
        events = scheduler.step()
    assert not events[0].done
    assert events[0].chunk is not None and events[0].chunk.sentence == 0


def test_a_cancelled_stream_frees_its_row_at_once(bundle: Bundle) -> None:
    scheduler = Scheduler(bundle, max_streams=1)
    first, second = scheduler.admit(request()), scheduler.admit(request(seed=4))
    scheduler.step()
    scheduler.cancel(first)
    scheduler.cancel(first)
    assert scheduler.live == 1
    events = run(scheduler)
    assert set(events) == {second}
    np.testing.assert_allclose(
        sound(events[second]), synthesize(bundle, request(seed=4)).samples, atol=1e-4
    )


@pytest.mark.usefixtures("_no_collector")
def test_nothing_of_a_cancelled_stream_waits_for_the_garbage_collector(bundle: Bundle) -> None:
    scheduler = Scheduler(bundle)
    stream = scheduler.admit(request())
    while not any(event.chunk is not None for event in scheduler.step()):
        pass
    held = weakref.ref(scheduler._streams[stream])
    scheduler.cancel(stream)
    assert held() is None


def test_cancelling_one_of_many_leaves_the_others_as_they_are(bundle: Bundle) -> None:
    scheduler = Scheduler(bundle)
    ids = [scheduler.admit(request(seed=i, voice=i)) for i in range(4)]
    for _ in range(5):
        scheduler.step()
    scheduler.cancel(ids[1])
    events = run(scheduler)
    for i in (0, 2, 3):
        alone = synthesize(bundle, request(seed=i, voice=i)).samples
        np.testing.assert_allclose(sound(events[ids[i]]), alone, atol=1e-4)


def test_more_streams_than_rows_wait_and_all_finish(bundle: Bundle) -> None:
    scheduler = Scheduler(bundle, max_streams=2)
    ids = [scheduler.admit(request(seed=i)) for i in range(5)]
    events = run(scheduler)
    assert all(events[i][-1].done and events[i][-1].error is None for i in ids)


def test_a_paused_stream_makes_no_sound_until_it_is_resumed(bundle: Bundle) -> None:
    scheduler = Scheduler(bundle)
    stream = scheduler.admit(request())
    scheduler.pause(stream)
    for _ in range(300):
        assert scheduler.step() == []
    scheduler.resume(stream)
    assert len(sound(run(scheduler)[stream])) == len(synthesize(bundle, request()).samples)


def test_a_sentence_that_never_ends_is_an_error(bundle: Bundle) -> None:
    strict = SpeechChecks(max_tokens_per_phoneme=0.1, spare_tokens=2)
    defaults = replace(bundle.config.defaults, checks=strict)
    scheduler = Scheduler(replace(bundle, config=replace(bundle.config, defaults=defaults)))
    stream = scheduler.admit(request())
    last = run(scheduler)[stream][-1]
    assert isinstance(last.error, SynthesisError) and last.done


def test_speed_shortens_speech(bundle: Bundle) -> None:
    normal, fast = (synthesize(bundle, request(speed=s)).duration_s for s in (1.0, 2.0))
    assert fast == pytest.approx(normal / 2, rel=0.2)


def test_text_without_words_is_refused(bundle: Bundle) -> None:
    with pytest.raises(EmptyTextError):
        Scheduler(bundle).admit(request(text="... !"))


def test_an_unknown_language_is_refused_with_the_known_ones(bundle: Bundle) -> None:
    with pytest.raises(UnsupportedLanguageError, match="en, zh"):
        Scheduler(bundle).admit(SynthesisRequest(TEXT, "xx", tiny_prompt()))


def test_mixed_text_is_read_by_spans(bundle: Bundle) -> None:
    phonemes = bundle.phonemes("我喜欢 Python 编程。", "auto")
    assert [segment.language for segment in phonemes.segments] == ["zh", "en", "zh"]


@pytest.mark.parametrize("text", ["こんにちは、元気ですか。", "Привет! Как дела?", "안녕하세요"])
@pytest.mark.parametrize("language", ["auto", "en", "zh"])
def test_a_text_in_a_script_that_the_bundle_does_not_read_is_an_error_that_says_so(
    bundle: Bundle, text: str, language: str
) -> None:
    if (text[0], language) == ("こ", "zh"):
        text = "こんにちは。"  # zh may well read 元気
    scheduler = Scheduler(bundle)
    stream = scheduler.admit(replace(request(text), language=language))
    (event,) = run(scheduler)[stream]
    assert isinstance(event.error, UnreadableTextError)
    assert "en, zh" in str(event.error)
    assert event.error.left_out


def test_words_in_a_script_that_the_language_does_not_read_are_read_or_told(
    bundle: Bundle, caplog: pytest.LogCaptureFixture
) -> None:
    scheduler = Scheduler(bundle)
    stream = scheduler.admit(request("The word 你好 is known. The word привет, or 안녕 is not."))
    last = run(scheduler)[stream][-1]
    assert last.done and last.error is None
    assert [(f.sentence, f.flaw, f.left_out) for f in last.findings] == [
        (1, Flaw.LEFT_OUT, "привет"),
        (2, Flaw.LEFT_OUT, "안녕"),
    ]
    assert "6 characters are left out" in caplog.text
    assert "привет" not in caplog.text
    languages = [s.language for s in bundle.phonemes("The word 你好 is known.", "en").segments]
    assert languages == ["en", "zh", "en"]


def test_a_sentence_that_cannot_be_read_is_told_with_its_words(bundle: Bundle) -> None:
    scheduler = Scheduler(bundle)
    stream = scheduler.admit(request("This can be said. Это нельзя прочитать. And so can this."))
    last = run(scheduler)[stream][-1]
    assert last.done and last.error is None
    (finding,) = last.findings
    assert (finding.sentence, finding.flaw, finding.attempts) == (1, Flaw.EMPTY, 0)
    assert finding.left_out == "Это нельзя прочитать."


def test_marks_of_accent_and_spaces_do_not_make_a_sentence_long(bundle: Bundle) -> None:
    config = replace(bundle.config, languages=("en", "zh", "ja", "ko"))
    bundle = replace(bundle, config=config)
    for language, text, sounds in (
        ("ja", "山です。", 9),
        ("ko", "네 좋아요.", 10),
        ("en", "It is wet.", 8),
    ):
        asked = Stream(bundle, replace(request(text), language=language))
        asked.begin()
        assert asked.sentence is not None
        assert asked.sentence.checks.limit == 12 * sounds + 60


def test_pauses_are_as_long_as_the_text_asks(bundle: Bundle) -> None:
    text = '<break time="1s"/>The rain came. <break time="2s"/> It was wet. <break time="500ms"/>'
    asked = replace(request(text), timestamps=TimestampDetail.WORD)
    chunks = list(stream(bundle, asked))
    samples = np.concatenate([chunk.samples for chunk in chunks])
    rate_hz = bundle.sample_rate_hz
    assert not samples[:rate_hz].any() and samples[rate_hz : 2 * rate_hz].any()
    assert not samples[-rate_hz // 2 :].any()
    first, second = [chunk.timing for chunk in chunks if chunk.timing is not None]
    assert first.sentence.text == "The rain came."
    assert first.sentence.start_s >= 1.0
    silent = samples[round(first.sentence.end_s * rate_hz) :]
    assert second.sentence.start_s >= first.sentence.end_s + 2.0
    assert silent[: 2 * rate_hz].std() < silent[2 * rate_hz :].std()
    starts = [chunk.start_sample for chunk in chunks]
    assert starts == list(np.cumsum([0, *(len(chunk.samples) for chunk in chunks)])[:-1])


def test_listeners_take_over_from_the_background_at_the_end_of_a_sentence(bundle: Bundle) -> None:
    scheduler = Scheduler(bundle, max_streams=1)
    quiet = scheduler.admit(replace(request(), background=True))
    scheduler.step()
    heard = scheduler.admit(request(seed=4))
    order: list[int] = []
    while scheduler.live:
        order += [event.stream_id for event in scheduler.step() if event.done]
    assert order == [heard, quiet]


def test_background_gets_one_piece_a_step_while_somebody_listens(bundle: Bundle) -> None:
    scheduler = Scheduler(bundle)
    quiet = {scheduler.admit(replace(request(seed=s), background=True)) for s in range(3)}
    scheduler.admit(request(text=" ".join([TEXT] * 3)))
    for _ in range(40):
        assert sum(event.stream_id in quiet for event in scheduler.step()) <= 1


def test_a_new_stream_is_heard_before_those_that_are_ahead_go_on(bundle: Bundle) -> None:
    scheduler = Scheduler(bundle, clock=lambda: 0.0)
    ahead = [scheduler.admit(request(seed=s)) for s in range(3)]
    heard: set[int] = set()
    while heard != set(ahead):
        heard |= {event.stream_id for event in scheduler.step()}
    new = scheduler.admit(request(seed=4))
    events: list[StreamEvent] = []
    while not events:
        events = scheduler.step()
    assert events[0].stream_id == new


def test_of_many_streams_some_are_heard_while_others_are_decoded(bundle: Bundle) -> None:
    ticks = itertools.count()
    scheduler = Scheduler(bundle, clock=lambda: next(ticks) / 50)
    for seed in range(8):
        scheduler.admit(request(seed=seed))
    pieces = []
    while scheduler.live:
        pieces.append(len(scheduler.step()))
    assert max(pieces) < 8


@pytest.mark.parametrize(("tick_s", "rows"), [(0.0, 4), (0.02, 1)])
def test_a_step_reads_the_sentences_that_a_moment_is_enough_for(
    bundle: Bundle, tick_s: float, rows: int
) -> None:
    ticks = itertools.count()
    scheduler = Scheduler(bundle, clock=lambda: next(ticks) * tick_s)
    for seed in range(4):
        scheduler.admit(request(seed=seed))
    with patch.object(TokenRows, "begin", autospec=True, side_effect=TokenRows.begin) as read:
        scheduler.step()
    assert read.call_count == rows


def test_pieces_that_can_wait_go_together_where_that_costs_no_more(
    bundle: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert isinstance(bundle.acoustics, VitsAcoustics)
    decoder = bundle.acoustics.decoder
    batches = VitsAcoustics(decoder, PieceBatches(decoder, decoder.dec, None))
    calls: dict[float, list[int]] = {}
    sounds = []
    for waiting_s in (scheduling.WAITING_S, math.inf):
        monkeypatch.setattr(scheduling, "WAITING_S", waiting_s)
        scheduler = Scheduler(replace(bundle, acoustics=batches), clock=lambda: 0.0)
        own = PieceBatches.decode
        with patch.object(PieceBatches, "decode", autospec=True, side_effect=own) as decode:
            ids = []
            for seed in range(3):
                ids.append(scheduler.admit(request(seed=seed)))
                for _ in range(FIRST_PIECE_TOKENS // 3):
                    assert not scheduler.step()
            events = run(scheduler)
        calls[waiting_s] = [len(call.args[1]) for call in decode.call_args_list]
        sounds.append([sound(events[i]) for i in ids])
    waited, did_not = calls.values()
    assert waited[:3] == did_not[:3] == [1, 1, 1]  # first sounds are due at once
    assert len(waited) < len(did_not)
    for one, other in zip(*sounds, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-4)


def test_the_order_of_the_work_is_not_heard(bundle: Bundle) -> None:
    sounds = []
    for tick_s in (0.0, 0.05):
        ticks = itertools.count()
        scheduler = Scheduler(bundle, clock=lambda ticks=ticks, s=tick_s: next(ticks) * s)
        ids = [scheduler.admit(request(seed=seed, voice=seed)) for seed in range(4)]
        events = run(scheduler)
        sounds.append([sound(events[i]) for i in ids])
    for one, other in zip(*sounds, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-4)


def test_a_listener_that_waits_for_a_row_holds_up_nobody(bundle: Bundle) -> None:
    scheduler = Scheduler(bundle, max_streams=1, clock=lambda: 0.0)
    quiet = scheduler.admit(replace(request(), background=True))
    scheduler.step()
    scheduler.admit(request(seed=4))
    events: list[StreamEvent] = []
    while not events:
        events = scheduler.step()
    assert events[0].stream_id == quiet


@pytest.mark.parametrize("place", [0, 1, 2])
def test_sentence_that_cannot_be_spoken_is_told_and_the_others_are_heard(
    bundle: Bundle, place: int
) -> None:
    sentences = ["今天天气很好。", "我们去公园。"]
    sentences.insert(place, "㐀㐁㐂㐃㐄。")
    scheduler = Scheduler(bundle)
    stream = scheduler.admit(replace(request("".join(sentences)), language="zh"))
    events = run(scheduler)[stream]
    spoken = {event.chunk.sentence for event in events if event.chunk is not None}
    assert spoken == {0, 1, 2} - {place}
    assert events[-1].done
    assert events[-1].error is None
    finding = next(each for each in events[-1].findings if each.sentence == place)
    assert (finding.flaw, finding.attempts, finding.resolved) == (Flaw.EMPTY, 0, False)


def test_text_of_which_nothing_can_be_spoken_is_an_error(bundle: Bundle) -> None:
    scheduler = Scheduler(bundle)
    stream = scheduler.admit(replace(request("㐀㐁㐂㐃㐄。㐅㐆㐇㐈㐉。"), language="zh"))
    (event,) = run(scheduler)[stream]
    assert event.done
    assert isinstance(event.error, EmptyTextError)
