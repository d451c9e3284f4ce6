"""Handlers of sound alone: spectrograms, sample rates, joins."""

from __future__ import annotations

from torch import Tensor

from engine.audio.resample import resample
from engine.audio.sola import join_fragments
from engine.audio.spectrogram import (
    TRAINING_MEL,
    V3_MEL,
    V4_MEL,
    MelSpectrogram,
    Spectrogram,
    normalize_mel,
)
from tests.golden.case import Case


def spectrogram(case: Case) -> dict[str, Tensor]:
    """The same samples through the linear and the three mel spectrograms."""
    wave = case["in_wave"][None]
    mel_v3, mel_v4 = MelSpectrogram(V3_MEL)(wave), MelSpectrogram(V4_MEL)(wave)
    return {
        "out_spec": Spectrogram()(wave),
        "out_mel_v3": mel_v3,
        "out_mel_v3_norm": normalize_mel(mel_v3),
        "out_mel_v4": mel_v4,
        "out_mel_v4_norm": normalize_mel(mel_v4),
        "out_mel_train": MelSpectrogram(TRAINING_MEL)(wave),
    }


def resampled(case: Case) -> dict[str, Tensor]:
    """Each wave at its new rate."""
    waves = zip(case.numbered("in_wave_"), case.entry["rates"], strict=True)
    return {
        f"out_wave_{i}": resample(wave, from_hz, to_hz)
        for i, (wave, (from_hz, to_hz)) in enumerate(waves)
    }


def sola(case: Case) -> dict[str, Tensor]:
    """The fragments joined."""
    fragments = case.numbered("in_frag_")
    overlap, search = case.entry["overlap_len"], case.entry["search_len"]
    return {"out_audio": join_fragments(fragments, overlap, search)}


KINDS = {"spectrogram": spectrogram, "resample": resampled, "sola": sola}
