"""A reference recording and its transcript -> a VoicePrompt."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from engine.audio.resample import resample, resample_high_quality
from engine.audio.spectrogram import Spectrogram
from engine.errors import ReferenceAudioError
from engine.models.hubert import SAMPLE_RATE_HZ, ContentEncoder
from engine.models.vits_decoder import VitsDecoder
from engine.types import Audio, Phonemes, VoicePrompt

MIN_S, MAX_S = 3.0, 10.0
TAIL_SAMPLES = 9600  # silence after the reference, 0.6 s at 16 kHz (as the released models expect)
SILENT_PEAK = 0.01


@dataclass(frozen=True, slots=True)
class PromptMaker:
    """The networks that a reference passes through.

    `reference_peak`: references are scaled to this peak first, or left when None.
    """

    content_encoder: ContentEncoder
    decoder: VitsDecoder
    reference_peak: float | None = None

    def make(
        self, reference: Audio, transcript: Phonemes, language: str, bert: Tensor | None
    ) -> VoicePrompt:
        """Return the prompt of a recording of 3 to 10 s.

        Raises:
            ReferenceAudioError: it is too short, too long or silent.
        """
        check_reference(reference)
        reference = self._scaled(reference)
        with torch.inference_mode():
            return VoicePrompt(
                language,
                self._semantic_tokens(reference),
                torch.tensor(transcript.phoneme_ids),
                bert,
                (self._spectrogram(reference),),
            )

    def _scaled(self, reference: Audio) -> Audio:
        if self.reference_peak is None:
            return reference
        gain = self.reference_peak / float(np.abs(reference.samples).max())
        return Audio((reference.samples * gain).astype(np.float32), reference.sample_rate_hz)

    def _semantic_tokens(self, reference: Audio) -> Tensor:
        wave = torch.from_numpy(resample_high_quality(reference, SAMPLE_RATE_HZ).samples)
        features = self.content_encoder(F.pad(wave, (0, TAIL_SAMPLES))[None])
        return self.decoder.extract_semantic_tokens(features)[0]

    def _spectrogram(self, reference: Audio) -> Tensor:
        """Magnitudes [bins, T] of what the style encoder reads."""
        config = self.decoder.config
        wave = torch.from_numpy(reference.samples)
        wave = resample(wave, reference.sample_rate_hz, config.sample_rate_hz)
        peak = float(wave.abs().max())
        if peak > 1:
            wave = wave / min(2.0, peak)
        n_fft = config.filter_length
        magnitudes = Spectrogram(n_fft, config.hop_length, n_fft)(wave[None])[0]
        return magnitudes[: config.reference_bins]


def check_reference(reference: Audio) -> None:
    """Raise ReferenceAudioError unless the recording can serve as a reference."""
    seconds = reference.duration_s
    if not MIN_S <= seconds <= MAX_S:
        raise ReferenceAudioError(
            f"the reference lasts {seconds:.1f} s; it must last {MIN_S:.0f} to {MAX_S:.0f} s"
        )
    if float(np.abs(reference.samples).max()) < SILENT_PEAK:
        raise ReferenceAudioError("the reference is silent")
