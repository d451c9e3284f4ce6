"""Resampling keeps tones and lengths; joined pieces have no seam."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from engine.audio.fbank import kaldi_fbank
from engine.audio.resample import resample, resample_high_quality
from engine.audio.sola import align, best_offset, join_fragments
from engine.types import Audio


def tone(rate_hz: int, frequency_hz: float = 200.0, samples: int = 0) -> torch.Tensor:
    time = torch.arange(samples or rate_hz, dtype=torch.float64) / rate_hz
    return torch.sin(2 * math.pi * frequency_hz * time).float()


@pytest.mark.parametrize(("from_hz", "to_hz"), [(44100, 32000), (16000, 32000), (48000, 16000)])
def test_a_resampled_tone_is_the_tone_at_the_new_rate(from_hz: int, to_hz: int) -> None:
    got = resample(tone(from_hz), from_hz, to_hz)
    assert len(got) == to_hz
    torch.testing.assert_close(got[500:-500], tone(to_hz)[500:-500], atol=5e-3, rtol=0)


@pytest.mark.parametrize("samples", [44100, 44101, 44102, 1])
def test_the_content_encoders_input_has_the_length_rounded_up(samples: int) -> None:
    audio = Audio(np.zeros(samples, np.float32), 44100)
    assert len(resample_high_quality(audio, 16000).samples) == math.ceil(samples * 16000 / 44100)


def test_audio_at_the_wanted_rate_is_left_alone() -> None:
    audio = Audio(tone(16000).numpy(), 16000)
    assert resample_high_quality(audio, 16000) is audio


def test_filter_banks_have_one_frame_per_ten_ms_that_fits() -> None:
    assert kaldi_fbank(tone(16000)).shape == (98, 80)


def test_the_best_offset_is_where_the_tail_was_cut() -> None:
    generator = torch.Generator().manual_seed(3)
    noise = torch.randn(4000, generator=generator)
    assert best_offset(noise[137 : 137 + 500], noise[:1000]) == 137


def test_pieces_of_one_wave_join_to_that_wave() -> None:
    generator = torch.Generator().manual_seed(5)
    wave = torch.randn(9000, generator=generator)
    pieces = [wave[:3500], wave[2900:6500], wave[5950:]]  # overlaps 600 and 550, up to 100 early
    joined = join_fragments(pieces, overlap=500, search=150)
    torch.testing.assert_close(joined, wave)


def test_an_aligned_piece_leaves_its_source_untouched() -> None:
    piece = tone(16000, samples=2000)
    before = piece.clone()
    align(tone(16000, samples=400), piece, search=100)
    assert torch.equal(piece, before)


def test_one_fragment_is_returned_whole() -> None:
    only = tone(16000)
    assert torch.equal(join_fragments([only], overlap=100, search=20), only)
