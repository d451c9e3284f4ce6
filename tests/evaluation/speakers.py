"""Who speaks: a classifier that has only ever heard the original synthesizers.

Each utterance becomes the mean and deviation of its mel cepstra and the logarithm of its median
pitch; Fisher's linear discriminant with shrinkage tells the speakers apart.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import soxr
import torch
import torchaudio
from numpy.typing import NDArray

from engine.types import Audio

RATE_HZ = 16_000
_SHRINKAGE = 0.1
_LOWEST_HZ, _HIGHEST_HZ = 60, 400
_VOICED = 0.4

Features = NDArray[np.float64]


class SpeakerClassifier:
    """Names the speaker of an utterance among those it has learned."""

    def __init__(self, lessons: dict[str, list[Audio]]) -> None:
        """Learn from a list of utterances by each speaker."""
        self._names = tuple(lessons)
        groups = [np.stack([features(audio) for audio in lessons[name]]) for name in self._names]
        self._scale = np.concatenate(groups).std(axis=0) + 1e-9
        scaled = [group / self._scale for group in groups]
        within = np.concatenate([group - group.mean(axis=0) for group in scaled])
        covariance = np.cov(within, rowvar=False)
        spread = np.trace(covariance) / len(covariance)
        self._inverse = np.linalg.inv(
            (1 - _SHRINKAGE) * covariance + _SHRINKAGE * spread * np.eye(len(covariance))
        )
        self._means = np.stack([group.mean(axis=0) for group in scaled])

    def name(self, audio: Audio) -> str:
        """Return the speaker whose utterances are nearest."""
        away = features(audio) / self._scale - self._means
        distances = np.einsum("kd,de,ke->k", away, self._inverse, away)
        return self._names[int(distances.argmin())]

    def share(self, name: str, utterances: Sequence[Audio]) -> float:
        """Return which share of the utterances is heard as `name`."""
        return sum(self.name(audio) == name for audio in utterances) / len(utterances)


def features(audio: Audio) -> Features:
    """Return what tells a speaker: cepstral means and deviations, log pitch [39]."""
    wave = torch.from_numpy(_at_rate(audio))
    cepstra = torchaudio.transforms.MFCC(
        RATE_HZ, n_mfcc=20, melkwargs={"n_fft": 512, "hop_length": 160, "n_mels": 40}
    )(wave)[1:]  # [19, T]; the first is loudness
    voiced = cepstra[:, _loud_frames(wave, cepstra.shape[1])]
    values = torch.cat([voiced.mean(dim=1), voiced.std(dim=1)]).double().numpy()
    return np.append(values, np.log(median_pitch_hz(audio)))


def median_pitch_hz(audio: Audio) -> float:
    """Return the median fundamental frequency of the voiced frames, by autocorrelation.

    Raises:
        ValueError: no frame is voiced.
    """
    wave = _at_rate(audio)
    size, hop = 1024, 160
    frames = np.lib.stride_tricks.sliding_window_view(wave, size)[::hop]
    frames = frames - frames.mean(axis=1, keepdims=True)
    spectrum = np.abs(np.fft.rfft(frames, 2 * size)) ** 2
    correlation = np.fft.irfft(spectrum)[:, :size]  # favours one period over two
    low, high = RATE_HZ // _HIGHEST_HZ, RATE_HZ // _LOWEST_HZ
    lags = correlation[:, low:high].argmax(axis=1) + low
    energy = correlation[:, 0]
    strength = correlation[np.arange(len(lags)), lags] / np.maximum(energy, 1e-12)
    voiced = (strength > _VOICED) & (energy > 0.05 * energy.max())
    if not voiced.any():
        raise ValueError("no voiced frame in the utterance")
    return float(np.median(RATE_HZ / lags[voiced]))


def _loud_frames(wave: torch.Tensor, count: int) -> torch.Tensor:
    levels = torch.nn.functional.avg_pool1d(wave.square()[None], 400, 160, padding=200)[0]
    levels = levels[:count]
    levels = torch.nn.functional.pad(levels, (0, count - len(levels)))
    return levels > 0.02 * levels.max()


def _at_rate(audio: Audio) -> NDArray[np.float32]:
    resampled: NDArray[np.float32] = soxr.resample(audio.samples, audio.sample_rate_hz, RATE_HZ)
    return resampled
