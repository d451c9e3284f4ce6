"""What a bundle says of its acoustic half where that goes by mels: v3 and v4."""

from __future__ import annotations

from dataclasses import dataclass

from engine.audio.spectrogram import MelConfig
from engine.errors import BundleError
from engine.models.bigvgan import BigVganConfig
from engine.models.flow_matching import FlowMatchingConfig
from engine.models.hifigan import HifiGanConfig
from engine.models.inpainting import PieceLimits

VocoderConfig = HifiGanConfig | BigVganConfig


@dataclass(frozen=True, slots=True)
class FlowAcousticConfig:
    """Sizes of the flow-matching decoder and of its vocoder.

    `mel` is how the reference's mels are made, at their own rate; `sample_rate_hz` is that of the
    speech; `limits` bound what the flow reads at once.
    """

    sample_rate_hz: int
    decoder: FlowMatchingConfig
    mel: MelConfig
    limits: PieceLimits
    vocoder: VocoderConfig

    @property
    def content_dimension(self) -> int:
        """Width of the content features that become semantic tokens."""
        return self.decoder.content_dimension

    @property
    def speaker_dimension(self) -> int:
        """Width of the speaker embedding: none is read."""
        return 0

    def check(self) -> None:
        """Check that flow, reference mels and vocoder fit each other.

        Raises:
            BundleError: they do not; the message says what was found and what fits.
        """
        mels, wanted = vocoder_mels(self.vocoder), self.decoder.dit.mels
        if not mels == self.mel.mels == wanted:
            raise BundleError(
                f"the vocoder reads {mels} mels and references have {self.mel.mels} "
                f"where the flow makes {wanted}"
            )
        made_hz = self.mel.sample_rate_hz * self.vocoder.hop / self.mel.hop_samples
        if made_hz != self.sample_rate_hz:
            raise BundleError(
                f"the vocoder makes {made_hz:g} samples of a second of mels where "
                f"{self.sample_rate_hz} are wanted: it belongs to another version"
            )


def vocoder_mels(config: VocoderConfig) -> int:
    """How many mels a vocoder reads."""
    return config.in_channels if isinstance(config, HifiGanConfig) else config.mels
