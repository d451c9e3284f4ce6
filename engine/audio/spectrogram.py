"""Magnitude and log-mel spectrograms, as the acoustic models were trained on them.

Notable features:
- frames are not centred: the wave is reflected by (n_fft - hop) / 2 on both sides, so that
  T samples give T // hop frames;
- the window is a periodic Hann window;
- mel filters follow Slaney (linear below 1 kHz, unit area), applied to magnitude, not power.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

MAGNITUDE_FLOOR = 1e-8  # added to the power, keeps the square root differentiable
LOG_FLOOR = 1e-5
MEL_MIN, MEL_MAX = -12.0, 2.0  # log-mel range that `normalize_mel` maps to [-1, 1]


@dataclass(frozen=True, slots=True)
class MelConfig:
    """Shape of a log-mel spectrogram; `max_hz` None reads up to half the sample rate."""

    sample_rate_hz: int
    n_fft: int
    hop_samples: int
    win_samples: int
    mels: int
    min_hz: float = 0.0
    max_hz: float | None = None


V3_MEL = MelConfig(24000, n_fft=1024, hop_samples=256, win_samples=1024, mels=100)
V4_MEL = MelConfig(32000, n_fft=1280, hop_samples=320, win_samples=1280, mels=100)
TRAINING_MEL = MelConfig(32000, n_fft=2048, hop_samples=640, win_samples=2048, mels=128)


class Spectrogram(nn.Module):
    """Linear magnitude spectrogram.

    Args:
        n_fft: transform length in samples, gives n_fft // 2 + 1 bins.
        hop_samples: distance of two frames.
        win_samples: window length, at most `n_fft`.
    """

    window: Tensor

    def __init__(self, n_fft: int = 2048, hop_samples: int = 640, win_samples: int = 2048) -> None:
        super().__init__()
        self.n_fft = n_fft
        self.hop_samples = hop_samples
        self.win_samples = win_samples
        self.register_buffer("window", torch.hann_window(win_samples), persistent=False)

    def forward(self, wave: Tensor) -> Tensor:
        """Return magnitudes [B, n_fft // 2 + 1, T // hop] of `wave` [B, T] in [-1, 1].

        T must exceed the reflected (n_fft - hop) / 2 samples.
        """
        pad = (self.n_fft - self.hop_samples) // 2
        padded = F.pad(wave.unsqueeze(1), (pad, pad), mode="reflect").squeeze(1)
        bins = torch.stft(
            padded,
            self.n_fft,
            hop_length=self.hop_samples,
            win_length=self.win_samples,
            window=self.window,
            center=False,
            onesided=True,
            return_complex=True,
        )
        return torch.sqrt(bins.real.square() + bins.imag.square() + MAGNITUDE_FLOOR)


class MelSpectrogram(nn.Module):
    """Log-mel spectrogram of a wave, or of a magnitude spectrogram that is there already."""

    basis: Tensor

    def __init__(self, config: MelConfig) -> None:
        super().__init__()
        self.config = config
        self.spectrogram = Spectrogram(config.n_fft, config.hop_samples, config.win_samples)
        self.register_buffer("basis", slaney_mel_basis(config), persistent=False)

    def forward(self, wave: Tensor) -> Tensor:
        """Return natural-log mels [B, mels, T // hop] of `wave` [B, T]."""
        return self.from_magnitude(self.spectrogram(wave))

    def from_magnitude(self, magnitude: Tensor) -> Tensor:
        """Return natural-log mels [B, mels, T] of `magnitude` [B, n_fft // 2 + 1, T]."""
        return torch.log(torch.clamp(self.basis @ magnitude, min=LOG_FLOOR))


def slaney_mel_basis(config: MelConfig) -> Tensor:
    """Return the filters, float32 [mels, n_fft // 2 + 1], each of unit area in Hz.

    Computed in float64: torchaudio's float32 filters shift quiet log-mels by up to 3e-5.
    """
    max_hz = config.sample_rate_hz / 2 if config.max_hz is None else config.max_hz
    bins_hz = torch.linspace(
        0, config.sample_rate_hz / 2, config.n_fft // 2 + 1, dtype=torch.float64
    )
    low_mel, high_mel = _hz_to_mel(torch.tensor([config.min_hz, max_hz], dtype=torch.float64))
    mels = torch.linspace(float(low_mel), float(high_mel), config.mels + 2, dtype=torch.float64)
    edges_hz = _mel_to_hz(mels)  # [mels + 2]: filter i rises from i, peaks at i + 1, ends at i + 2
    slopes = edges_hz.unsqueeze(1) - bins_hz  # [mels + 2, bins]
    widths = edges_hz.diff().unsqueeze(1)
    rising = -slopes[:-2] / widths[:-1]
    falling = slopes[2:] / widths[1:]
    areas = (edges_hz[2:] - edges_hz[:-2]).unsqueeze(1) / 2
    return (torch.minimum(rising, falling).clamp(min=0) / areas).float()


def _hz_to_mel(hz: Tensor) -> Tensor:
    """Slaney's scale: linear to 1 kHz (mel 15), then 27 mels for each factor of 6.4."""
    log_part = 15 + 27 * torch.log(hz.clamp(min=1e-9) / 1000) / math.log(6.4)
    return torch.where(hz < 1000, hz * 3 / 200, log_part)


def _mel_to_hz(mel: Tensor) -> Tensor:
    return torch.where(mel < 15, mel * 200 / 3, 1000 * torch.exp((mel - 15) / 27 * math.log(6.4)))


def normalize_mel(mel: Tensor) -> Tensor:
    """Map log-mels from [-12, 2] to [-1, 1], the range of the flow-matching decoders."""
    return (mel - MEL_MIN) / (MEL_MAX - MEL_MIN) * 2 - 1


def denormalize_mel(mel: Tensor) -> Tensor:
    """Undo `normalize_mel`."""
    return (mel + 1) / 2 * (MEL_MAX - MEL_MIN) + MEL_MIN
