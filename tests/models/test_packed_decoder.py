"""The compiled prior and flow of single sentences, beside the plain ones."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from engine.models.attention import Encoder, EncoderConfig
from engine.models.flow import Flow
from engine.models.packed_decoder import pack_decoder
from engine.models.packed_encoder import pack_encoder
from engine.models.packed_flow import pack_flow
from engine.models.packed_text_attention import pack_text_attention
from engine.models.prior_encoder import TextCrossAttention
from tests.bench import official

SIZES = EncoderConfig(
    channels=64, filter_channels=96, n_heads=2, n_layers=3, kernel_size=3, dropout=0.1
)
LENGTHS = pytest.mark.parametrize("frames", [1, 4, 5, 6, 7, 33])


def encoder(config: EncoderConfig = SIZES) -> Encoder:
    torch.manual_seed(1)
    network = Encoder(config).eval()
    for norm in (*network.norm_layers_1, *network.norm_layers_2):
        torch.nn.init.normal_(norm.gamma, 1, 0.3)
        torch.nn.init.normal_(norm.beta, 0, 0.3)
    return network


def flow() -> Flow:
    torch.manual_seed(2)
    network = Flow(32, 48, 5).eval()
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, 0, 0.1)
    return network


def random(*shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(sum(shape)))


def ones(rows: int, frames: int) -> Tensor:
    return torch.ones(rows, 1, frames)


@torch.inference_mode()
@LENGTHS
def test_an_encoder_says_the_same(frames: int) -> None:
    network, x = encoder(), random(1, 64, frames)
    plain = network(x, ones(1, frames))
    pack_encoder(network)
    assert network.packed is not None
    torch.testing.assert_close(network(x, ones(1, frames)), plain, atol=1e-5, rtol=1e-5)


@torch.inference_mode()
@LENGTHS
def test_frames_look_at_the_text_as_before(frames: int) -> None:
    torch.manual_seed(3)
    network, style = TextCrossAttention(32, 64).eval(), random(1, 64, 1)
    calls = [(random(1, 32, frames), random(1, 32, n)) for n in (1, 17, 40)]
    masks = [(ones(1, frames), ones(1, text.shape[2])) for _, text in calls]
    arguments = [(x, m, text, n, style) for (x, text), (m, n) in zip(calls, masks, strict=True)]
    plain = [network(*each) for each in arguments]
    pack_text_attention(network)
    assert network.packed is not None
    for _ in range(2):  # the second time the texts have been read
        for each, expected in zip(arguments, plain, strict=True):
            torch.testing.assert_close(network(*each), expected, atol=1e-5, rtol=1e-5)


@torch.inference_mode()
@LENGTHS
def test_a_flow_is_undone_as_before(frames: int) -> None:
    network, z, styles = flow(), random(1, 32, frames), (random(1, 5, 1), -random(1, 5, 1))
    plain = [network.reverse(z, ones(1, frames), style) for style in styles]
    pack_flow(network)
    assert network.packed is not None
    for style, expected in zip((*styles, *styles), (*plain, *plain), strict=True):
        undone = network.reverse(z, ones(1, frames), style)
        torch.testing.assert_close(undone, expected, atol=1e-5, rtol=1e-5)
    again = network(plain[0], ones(1, frames), styles[0])
    torch.testing.assert_close(again, z, atol=1e-5, rtol=1e-4)


@torch.inference_mode()
@pytest.mark.parametrize("ahead", [1, 9, 32, 45])
def test_frames_that_are_only_looked_at_spoil_no_others(ahead: int) -> None:
    network, z, style = flow(), random(1, 32, 50), random(1, 5, 1)
    pack_flow(network)
    whole = network.reverse(z, ones(1, 50), style)
    undone = network.reverse(z, ones(1, 50), style, ahead)
    assert torch.equal(undone[..., ahead:], whole[..., ahead:])


@torch.inference_mode()
def test_padded_rows_and_batches_are_computed_as_before() -> None:
    network, x = encoder(), random(2, 64, 9)
    mask = torch.stack([ones(1, 9)[0], torch.cat([ones(1, 5), 0 * ones(1, 4)], dim=-1)[0]])
    plain = network(x, mask)
    pack_encoder(network)
    assert torch.equal(network(x, mask), plain)
    assert torch.equal(network(x[1:], mask[1:]), encoder()(x[1:], mask[1:]))


@pytest.mark.parametrize(("channels", "inner"), [(48, 96), (64, 100)])
def test_what_fills_no_whole_panels_stays_plain(channels: int, inner: int) -> None:
    network = encoder(replace(SIZES, channels=channels, filter_channels=inner))
    pack_encoder(network)
    assert network.packed is None


@torch.inference_mode()
@pytest.mark.parametrize("subject", ["encoder", "text", "flow"])
def test_the_number_of_threads_does_not_change_a_bit(
    subject: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.models.kernel_threads.SHARED_BYTES", 0)
    outcomes, before = [], torch.get_num_threads()
    for threads in (1, 2, 3):
        torch.set_num_threads(threads)
        outcomes.append(packed_outcome(subject))
    torch.set_num_threads(before)
    assert torch.equal(outcomes[0], outcomes[1]) and torch.equal(outcomes[0], outcomes[2])


def packed_outcome(subject: str) -> Tensor:
    frames = 23
    if subject == "encoder":
        network = encoder()
        pack_encoder(network)
        return network(random(1, 64, frames), ones(1, frames))
    if subject == "flow":
        turned = flow()
        pack_flow(turned)
        return turned.reverse(random(1, 32, frames), ones(1, frames), random(1, 5, 1))
    torch.manual_seed(3)
    attention = TextCrossAttention(32, 64).eval()
    pack_text_attention(attention)
    masks, text = (ones(1, frames), ones(1, 19)), random(1, 32, 19)
    return attention(random(1, 32, frames), masks[0], text, masks[1], random(1, 64, 1))


@torch.inference_mode()
@pytest.mark.parametrize(("speed", "frames"), [(1.0, 40), (1.3, 31)])
def test_a_decoder_of_released_sizes_sounds_the_same(speed: float, frames: int) -> None:
    decoder, style = official.vits_decoder(packed=False), random(1, 512, 1)
    noise, tokens = random(1, 192, frames), official.tokens(20)[None]
    arguments = tokens, official.phonemes(12)[None], style, noise, 0.5, speed
    plain = decoder(*arguments)
    pack_decoder(decoder)
    assert None not in (decoder.enc_p.packed, decoder.enc_p.encoder_text.packed)
    assert None not in (decoder.flow.packed, decoder.dec.packed)
    torch.testing.assert_close(decoder(*arguments), plain, atol=1e-5, rtol=1e-4)


@torch.inference_mode()
def test_a_prior_is_the_same_to_the_bit_by_any_number_of_threads() -> None:
    decoder, style, before = official.vits_decoder(), random(1, 512, 1), torch.get_num_threads()
    priors = []
    for threads in (1, 2, 3):
        torch.set_num_threads(threads)
        text = decoder.encode_text(official.phonemes(12)[None])
        priors.append(decoder.prior(official.tokens(9)[None], text, style))
    torch.set_num_threads(before)
    for other in priors[1:]:
        assert torch.equal(other.hidden, priors[0].hidden)
        assert torch.equal(other.mean, priors[0].mean)
