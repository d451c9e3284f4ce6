"""The autoregressive model's cache against its full forward pass."""

from __future__ import annotations

import pytest
import torch

from engine.models.key_value_cache import KeyValueCache
from engine.models.text_to_semantic import TextToSemantic, prefix_mask
from tests.tiny_bundle import CODES, SEMANTIC, SYMBOLS


@pytest.fixture(scope="module")
def model() -> TextToSemantic:
    torch.manual_seed(3)
    return TextToSemantic(SEMANTIC).eval()


def row(seed: int, text: int, audio: int) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return (
        torch.randint(SYMBOLS, (text,), generator=generator),
        torch.randint(CODES, (audio,), generator=generator),
    )


@torch.inference_mode()
def full_logits(model: TextToSemantic, text: torch.Tensor, audio: torch.Tensor) -> torch.Tensor:
    """Logits after each audio token [T, V], all positions at once."""
    n, total = len(text), len(text) + len(audio)
    mask = prefix_mask(n, total, text.device)
    hidden = model(model.embed_text(text[None]), model.embed_audio(audio[None]), mask)
    return model.ar_predict_layer(hidden[0, n:])


def new_cache(rows: int, capacity: int = 8) -> KeyValueCache:
    return KeyValueCache(SEMANTIC, rows, capacity, torch.zeros(1))


@torch.inference_mode()
def test_decoding_with_the_cache_equals_the_full_pass(model: TextToSemantic) -> None:
    text, audio = row(1, 9, 12)
    cache = new_cache(1)
    logits = [model.prefill(cache, text, None, audio[:4])]
    for i in range(4, 12):
        logits.append(model.decode(cache, audio[i : i + 1], torch.tensor([i]))[0])
    torch.testing.assert_close(torch.stack(logits), full_logits(model, text, audio)[3:])


@torch.inference_mode()
def test_rows_of_any_length_decode_together(model: TextToSemantic) -> None:
    rows = [row(1, 5, 3), row(2, 14, 7), row(3, 8, 1)]
    cache = new_cache(3)
    for text, audio in rows:
        model.prefill(cache, text, None, audio)
    token = torch.tensor([4, 9, 20])
    together = model.decode(cache, token, torch.tensor([3, 7, 1]))
    for i, (text, audio) in enumerate(rows):
        alone = full_logits(model, text, torch.cat([audio, token[i : i + 1]]))[-1]
        torch.testing.assert_close(together[i], alone)


@torch.inference_mode()
def test_a_removed_row_gives_its_place_to_the_last(model: TextToSemantic) -> None:
    rows = [row(1, 5, 3), row(2, 14, 7), row(3, 8, 2)]
    cache = new_cache(3)
    for text, audio in rows:
        model.prefill(cache, text, None, audio)
    assert cache.remove(0) == 2
    assert cache.live == 2
    logits = model.decode(cache, torch.tensor([6, 6]), torch.tensor([2, 7]))
    text, audio = rows[2]
    moved = full_logits(model, text, torch.cat([audio, torch.tensor([6])]))[-1]
    torch.testing.assert_close(logits[0], moved)


@torch.inference_mode()
def test_the_cache_grows_when_a_row_is_full(model: TextToSemantic) -> None:
    text, audio = row(5, 6, 40)
    cache = new_cache(1, capacity=2)
    logits = model.prefill(cache, text, None, audio[:1])
    for i in range(1, 40):
        logits = model.decode(cache, audio[i : i + 1], torch.tensor([i]))[0]
    torch.testing.assert_close(logits, full_logits(model, text, audio)[-1])


def test_text_sees_all_text_and_audio_only_what_came_before() -> None:
    mask = prefix_mask(2, 4, torch.device("cpu"))[0, 0].int().tolist()
    assert mask == [[1, 1, 0, 0], [1, 1, 0, 0], [1, 1, 1, 0], [1, 1, 1, 1]]
