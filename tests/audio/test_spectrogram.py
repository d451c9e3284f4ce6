"""Spectrograms, against definitions written out and torchaudio's filters."""

from __future__ import annotations

import pytest
import torch
from torchaudio.functional import melscale_fbanks

from engine.audio.spectrogram import (
    TRAINING_MEL,
    V3_MEL,
    V4_MEL,
    MelConfig,
    MelSpectrogram,
    Spectrogram,
    denormalize_mel,
    normalize_mel,
    slaney_mel_basis,
)


def wave(samples: int, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return 0.1 * torch.randn(1, samples, generator=generator)


@pytest.mark.parametrize("samples", [6400, 6401, 7039, 24000])
def test_a_frame_is_made_for_every_whole_hop(samples: int) -> None:
    assert Spectrogram()(wave(samples)).shape == (1, 1025, samples // 640)


def test_a_frame_is_the_windowed_transform_of_its_samples() -> None:
    signal = wave(8000)
    frame = torch.hann_window(2048, periodic=True) * signal[0, 5 * 640 - 704 : 5 * 640 - 704 + 2048]
    power = torch.fft.rfft(frame).abs().square()
    torch.testing.assert_close(Spectrogram()(signal)[0, :, 5], torch.sqrt(power + 1e-8))


@pytest.mark.parametrize("config", [V3_MEL, V4_MEL, TRAINING_MEL])
def test_mel_filters_are_slaneys(config: MelConfig) -> None:
    theirs = melscale_fbanks(
        config.n_fft // 2 + 1,
        0.0,
        config.sample_rate_hz / 2,
        config.mels,
        config.sample_rate_hz,
        norm="slaney",
        mel_scale="slaney",
    )
    torch.testing.assert_close(slaney_mel_basis(config), theirs.T, atol=1e-6, rtol=1e-4)


def test_a_magnitude_spectrogram_at_hand_gives_the_same_mels() -> None:
    mel = MelSpectrogram(TRAINING_MEL)
    signal = wave(24000)
    torch.testing.assert_close(mel.from_magnitude(Spectrogram()(signal)), mel(signal))


def test_silence_has_the_floor_value() -> None:
    quiet = MelSpectrogram(V4_MEL)(torch.zeros(1, 3200))
    torch.testing.assert_close(quiet, torch.full_like(quiet, -11.512925))


def test_normalization_maps_the_range_and_is_undone() -> None:
    mel = torch.tensor([-12.0, -5.0, 2.0])
    torch.testing.assert_close(normalize_mel(mel), torch.tensor([-1.0, 0.0, 1.0]))
    torch.testing.assert_close(denormalize_mel(normalize_mel(mel)), mel)


def test_mels_of_a_batch_do_not_depend_on_its_neighbours() -> None:
    one, other = wave(6400, seed=1), wave(6400, seed=2)
    mel = MelSpectrogram(V3_MEL)
    torch.testing.assert_close(mel(torch.cat([one, other]))[:1], mel(one))


def test_gradients_are_finite_in_silence() -> None:
    silent = torch.zeros(1, 6400, requires_grad=True)
    Spectrogram()(silent).sum().backward()
    assert silent.grad is not None
    assert torch.isfinite(silent.grad).all()
