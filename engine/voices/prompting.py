"""A reference recording and its transcript -> a VoicePrompt."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from engine.audio.fbank import SAMPLE_RATE_HZ as FBANK_SAMPLE_RATE_HZ
from engine.audio.fbank import kaldi_fbank
from engine.audio.resample import resample, resample_high_quality
from engine.audio.spectrogram import MelConfig, MelSpectrogram, Spectrogram
from engine.models.flow_matching import FlowMatchingDecoder
from engine.models.hubert import SAMPLE_RATE_HZ, ContentEncoder
from engine.models.speaker_encoder import SpeakerEncoder
from engine.models.vits_decoder import VitsDecoder
from engine.types import Audio, Phonemes, VoicePrompt
from engine.voices.fitting import USUAL_LONGEST_S, fit_reference

TAIL_SAMPLES = 9600  # silence after the reference, 0.6 s at 16 kHz (as the released models expect)


@dataclass(frozen=True, slots=True)
class PromptMaker:
    """The networks that a reference passes through, all on one device.

    `reference_peak`: references are scaled to this peak first, or left when None.
    `longest_reference_s`: longer ones are refused.
    `speaker_encoder`: of bundles whose decoder reads a speaker embedding.
    `mel`: how mels of the reference are made, for bundles whose decoder continues them.
    """

    content_encoder: ContentEncoder
    decoder: VitsDecoder | FlowMatchingDecoder
    reference_peak: float | None = None
    speaker_encoder: SpeakerEncoder | None = None
    mel: MelConfig | None = None
    longest_reference_s: float = USUAL_LONGEST_S

    def make(
        self, reference: Audio, transcript: Phonemes, language: str, bert: Tensor | None
    ) -> VoicePrompt:
        """Return the prompt of a recording of 3 s or more, silence around the speech aside.

        Raises:
            ReferenceAudioError: it is too short, too long or silent; the message says what to do.
        """
        reference = self._scaled(fit_reference(reference, self.longest_reference_s))
        with torch.inference_mode():
            wave = self._style_wave(reference)
            return VoicePrompt(
                language,
                self._semantic_tokens(reference),
                torch.tensor(transcript.phoneme_ids),
                bert,
                (self._spectrogram(wave),),
                self._speaker_embeddings(wave),
                self._mel(reference),
            )

    def _scaled(self, reference: Audio) -> Audio:
        if self.reference_peak is None:
            return reference
        gain = self.reference_peak / float(np.abs(reference.samples).max())
        return Audio((reference.samples * gain).astype(np.float32), reference.sample_rate_hz)

    def _semantic_tokens(self, reference: Audio) -> Tensor:
        wave = torch.from_numpy(resample_high_quality(reference, SAMPLE_RATE_HZ).samples)
        wave = F.pad(wave, (0, TAIL_SAMPLES))[None].to(self._device)
        features = self.content_encoder(wave)
        return self.decoder.extract_semantic_tokens(features)[0].cpu()

    def _style_wave(self, reference: Audio) -> Tensor:
        """The recording [T] at the style encoder's rate, as everything hears it for timbre."""
        wave = torch.from_numpy(reference.samples)
        rate_hz = self.decoder.config.reference.sample_rate_hz
        wave = resample(wave, reference.sample_rate_hz, rate_hz)
        peak = float(wave.abs().max())
        return wave / min(2.0, peak) if peak > 1 else wave

    def _spectrogram(self, wave: Tensor) -> Tensor:
        """Magnitudes [bins, T] of what the style encoder reads."""
        form = self.decoder.config.reference
        magnitudes = Spectrogram(form.n_fft, form.hop_samples, form.n_fft)(wave[None])[0]
        return magnitudes[: form.bins]

    def _mel(self, reference: Audio) -> Tensor | None:
        """Log-mels [M, T] of the recording, None where none are read."""
        if self.mel is None:
            return None
        wave = torch.from_numpy(reference.samples)
        wave = resample(wave, reference.sample_rate_hz, self.mel.sample_rate_hz)
        mels: Tensor = MelSpectrogram(self.mel)(wave[None])
        return mels[0]

    def _speaker_embeddings(self, wave: Tensor) -> tuple[Tensor, ...]:
        """One embedding [S] of the wave at the style encoder's rate; none where none is read."""
        if self.speaker_encoder is None:
            return ()
        rate_hz = self.decoder.config.reference.sample_rate_hz
        features = kaldi_fbank(resample(wave, rate_hz, FBANK_SAMPLE_RATE_HZ))
        return (self.speaker_encoder(features[None].to(self._device))[0].cpu(),)

    @property
    def _device(self) -> torch.device:
        return self.decoder.ssl_proj.weight.device
