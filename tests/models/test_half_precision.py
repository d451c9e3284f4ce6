"""Half precision is used where it keeps the tokens, and refused elsewhere."""

from __future__ import annotations

import pytest
import torch

from engine.errors import BundleError
from engine.models import half_precision
from engine.models.half_precision import Probe, greedy, halve, halved_generator
from engine.models.hifigan_stream import HifiGanStream
from engine.models.text_to_semantic import TextToSemantic
from tests.tiny_bundle import CODES, SEMANTIC, SYMBOLS, tiny_decoder


def a_model(gain: float = 1.0) -> TextToSemantic:
    """Random weights; with a `gain` of the feed-forward."""
    torch.manual_seed(4)
    model = TextToSemantic(SEMANTIC).eval()
    with torch.no_grad():
        for layer in model.h:
            layer.linear1.weight.mul_(gain)
            layer.linear2.weight.mul_(gain)
    return model


def some_probes() -> list[Probe]:
    source = torch.Generator().manual_seed(2)
    return [
        Probe(
            torch.randint(SYMBOLS, (n,), generator=source),
            torch.randint(CODES, (n // 2,), generator=source),
        )
        for n in (9, 20, 33)
    ]


def test_the_layers_are_halved_and_say_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(half_precision, "LONGEST", 30)
    monkeypatch.setattr(half_precision, "LEAST_AGREEMENT", 0.9)
    model = a_model()
    with torch.inference_mode():
        before = greedy(model, some_probes())
        assert halve(model, some_probes()) is torch.float16
        assert model.h.like.dtype is torch.float16
        assert model.ar_predict_layer.weight.dtype is torch.float32
        again = greedy(model, some_probes(), before)
    assert (torch.cat(again) == torch.cat(before)).float().mean() > 0.9


def test_probes_that_go_together_say_what_each_says_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(half_precision, "LONGEST", 30)
    model = a_model()
    with torch.no_grad():
        model.ar_predict_layer.weight[model.config.end] *= 3  # some sentences end soon
    with torch.inference_mode():
        alone = [greedy(model, [probe])[0] for probe in some_probes()]
        together = greedy(model, some_probes())
        after_those = greedy(model, some_probes(), alone)
    lengths = {len(tokens) for tokens in alone}
    assert len(lengths) > 1 and max(lengths) <= 30
    for said in (together, after_those):
        assert all(map(torch.equal, said, alone))


def test_numbers_too_large_for_float16_are_kept_in_bfloat16(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(half_precision, "LONGEST", 30)
    monkeypatch.setattr(half_precision, "LEAST_AGREEMENT", 0.6)
    assert halve(a_model(gain=2000.0), some_probes()) is torch.bfloat16


def test_a_model_that_says_something_else_is_refused_and_stays_as_it_was(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(half_precision, "LONGEST", 20)
    monkeypatch.setattr(half_precision, "LEAST_AGREEMENT", 1.01)
    model = a_model()
    with pytest.raises(BundleError, match="of the tokens stay, 101% must"):
        halve(model, some_probes())
    assert model.h.like.dtype is torch.float32


def test_a_generator_is_halved_and_sounds_the_same_whole_and_in_pieces() -> None:
    full = tiny_decoder().dec
    half = halved_generator(full)
    assert full.dtype is torch.float32 and half.dtype is torch.float16
    z = torch.randn(1, full.config.in_channels, 24)
    style = torch.randn(1, full.config.gin_channels, 1)
    with torch.inference_mode():
        wanted = full(z, style)
        stream = HifiGanStream(half, style)
        pieces = [stream.push(z[..., :9], last=False), stream.push(z[..., 9:], last=True)]
    for got in (half(z, style), torch.cat(pieces, dim=-1)):
        torch.testing.assert_close(
            got.float(), wanted, atol=1e-2 * float(wanted.abs().max()), rtol=0
        )


def test_a_generator_whose_numbers_are_too_large_for_it_is_refused() -> None:
    generator = tiny_decoder().dec
    with torch.no_grad():
        generator.conv_pre.weight.mul_(1e6)
        generator.conv_post.weight.mul_(1e-6)
    with pytest.raises(BundleError, match="half precision changes the sound"):
        halved_generator(generator)
