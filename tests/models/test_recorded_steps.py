"""Steps of fixed shapes against those that look at no more than there is."""

from __future__ import annotations

import pytest
import torch

from engine.models.decoding_rows import Choosing, DecodingRows
from engine.models.key_value_cache import KeyValueCache
from engine.models.random_numbers import random_key
from engine.models.recorded_steps import RecordedSteps, positions_bucket, rows_bucket
from engine.models.recording import Work
from engine.models.sampling import SamplingOptions
from engine.models.text_to_semantic import TextToSemantic
from tests.tiny_bundle import CODES, SEMANTIC, SYMBOLS

MOST = 64


class Warming:
    """Does the work once, as a recorder for a GPU must; counts the recordings."""

    def __init__(self) -> None:
        self.recordings = 0

    def __call__(self, work: Work) -> Work:
        """See `Recorder`."""
        self.recordings += 1
        work()
        return work


@pytest.fixture(scope="module")
def model() -> TextToSemantic:
    torch.manual_seed(3)
    return TextToSemantic(SEMANTIC).eval()


def filled(model: TextToSemantic, count: int) -> tuple[KeyValueCache, DecodingRows]:
    """Rows of many lengths, some of them free."""
    source = torch.Generator().manual_seed(7)
    cache = KeyValueCache(SEMANTIC, MOST, 8, torch.zeros(1))
    rows = DecodingRows(MOST, SEMANTIC.vocabulary, torch.device("cpu"))
    for i in range(count):
        phonemes = torch.randint(SYMBOLS, (3 + 5 * i % 50,), generator=source)
        prompt = torch.randint(CODES, (1 + 3 * i % 20,), generator=source)
        model.prefill(cache, phonemes, None, prompt)
        rows.add(Choosing(SamplingOptions(top_k=5 + i), random_key(i)), prompt)
    return cache, rows


@pytest.mark.parametrize("count", [1, 2, 3, 17, 64])
@torch.inference_mode()
def test_a_wider_window_gives_the_same_logits(model: TextToSemantic, count: int) -> None:
    cache, _ = filled(model, count)
    cache.reserve(256)
    tokens = torch.arange(count) % CODES
    wide = cache.window(rows_bucket(count, MOST), 256)
    padding = rows_bucket(count, MOST) - count
    padded = torch.cat([tokens, torch.full((padding,), 3)])
    got = model.decode_window(wide, padded, padded)[:count]
    torch.testing.assert_close(got, model.decode(cache, tokens, tokens), atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("count", [1, 5, 64])
@torch.inference_mode()
def test_recorded_steps_say_what_others_say(model: TextToSemantic, count: int) -> None:
    cache, rows = filled(model, count)
    recorded = RecordedSteps(model, *filled(model, count), Warming())
    for _ in range(25):
        tokens, positions = rows.tokens[: rows.live], rows.positions[: rows.live]
        wanted = rows.choose(model.decode(cache, tokens, positions))
        assert recorded().tolist() == wanted.tolist()


@torch.inference_mode()
def test_there_is_one_recording_for_each_bucket(model: TextToSemantic) -> None:
    cache, rows = filled(model, 3)
    record = Warming()
    step = RecordedSteps(model, cache, rows, record)
    for _ in range(5):
        step()
    assert record.recordings == 1
    cache.remove(0)
    rows.remove(0)
    step()
    assert record.recordings == 2  # two rows
    cache.remove(0)
    rows.remove(0)
    step()
    assert record.recordings == 3  # one row


@torch.inference_mode()
def test_a_cache_that_grew_is_recorded_anew(model: TextToSemantic) -> None:
    cache, rows = filled(model, 2)
    record = Warming()
    step = RecordedSteps(model, cache, rows, record)
    while cache.longest < 256:
        step()
    before = record.recordings
    step()
    assert record.recordings == before + 1
    assert cache.lengths[:2].tolist() == cache.filled[:2]


@torch.inference_mode()
def test_what_is_prepared_is_not_recorded_again_and_changes_nothing(model: TextToSemantic) -> None:
    cache, rows = filled(model, 3)
    cache.reserve(400)
    record = Warming()
    step = RecordedSteps(model, cache, rows, record)
    step.prepare()
    before = record.recordings
    assert before == 2 * 7  # 256 and 384 positions; 1, 2, 4 … 64 rows
    prepared = [step().tolist() for _ in range(4)]
    fresh = RecordedSteps(model, *filled(model, 3), Warming())
    assert prepared == [fresh().tolist() for _ in range(4)]
    assert record.recordings == before


@torch.inference_mode()
def test_free_rows_keep_no_positions(model: TextToSemantic) -> None:
    cache, rows = filled(model, 3)
    step = RecordedSteps(model, cache, rows, Warming())
    for _ in range(300):  # more than the smallest window holds
        step()
        if cache.live == 3:
            cache.remove(1)
            rows.remove(1)
    assert cache.lengths[2:].tolist() == (MOST - 2) * [0]


def test_buckets_are_few_and_large_enough() -> None:
    assert [rows_bucket(n, 48) for n in (1, 2, 3, 17, 33, 48)] == [1, 2, 4, 32, 48, 48]
    assert [positions_bucket(n) for n in (1, 256, 257, 1537)] == [256, 256, 384, 3072]
