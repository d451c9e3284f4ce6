"""The vocoder of v3: its filters, its activation, its length."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

from engine.models.bigvgan import (
    Activation,
    BigVgan,
    BigVganConfig,
    Downsample,
    SnakeBeta,
    Upsample,
    kaiser_sinc,
)

SMALL = BigVganConfig(
    mels=6, initial_channels=16, upsample_rates=(4, 2), upsample_kernel_sizes=(8, 4)
)


@pytest.fixture(autouse=True)
def _inference() -> Iterator[None]:
    torch.manual_seed(0)
    with torch.inference_mode():
        yield


def test_the_filter_is_symmetric_and_passes_constants() -> None:
    taps = kaiser_sinc(0.25, 0.3, 12)[0, 0]
    torch.testing.assert_close(taps, taps.flip(0))
    assert taps.sum() == pytest.approx(1.0, abs=1e-6)


def test_the_filter_stops_the_highest_frequency() -> None:
    taps = kaiser_sinc(0.25, 0.3, 12)[0, 0]
    alternating = torch.tensor([1.0, -1.0]).repeat(6)
    assert abs(float(taps @ alternating)) < 0.02


def test_a_slow_wave_survives_the_way_up_and_down() -> None:
    wave = torch.sin(torch.arange(200) * 0.1)[None, None]
    there_and_back = Downsample()(Upsample()(wave))
    assert there_and_back.shape == wave.shape
    torch.testing.assert_close(there_and_back[..., 10:-10], wave[..., 10:-10], atol=5e-3, rtol=0)


def test_the_activation_adds_a_squared_sine() -> None:
    activation = SnakeBeta(1)
    x = torch.tensor([[[0.0, 1.0, -1.0]]])
    torch.testing.assert_close(activation(x), x + torch.sin(x).square())


def test_activations_keep_the_length() -> None:
    assert Activation(3)(torch.randn(2, 3, 17)).shape == (2, 3, 17)


def test_a_mel_frame_becomes_as_many_samples_as_the_rates_multiply_to() -> None:
    wave = BigVgan(SMALL).eval()(torch.randn(2, 6, 11))
    assert wave.shape == (2, 1, 11 * 8)
    assert wave.abs().max() <= 1
