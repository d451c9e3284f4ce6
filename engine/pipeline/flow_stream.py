"""The acoustic half of v3 and v4: mels by flow matching, and a vocoder after them.

Every piece of a sentence goes on from mel frames that are known: the reference's at first, then
those that were spoken last. The newest features still lack what comes after them, so their frames
are made (the flow looks ahead) but thrown away and made again with the next piece. Frames that
were kept are final. The vocoder's reach is finite: it is given so many frames on either side, and
its samples are those that it would make of the whole sentence, so pieces need no crossfade.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import cast

import torch
from torch import Tensor

from engine.audio.spectrogram import denormalize_mel, normalize_mel
from engine.checkpoints.parts import FlowNetworks
from engine.errors import ReferenceAudioError
from engine.models.cfm import FlowOptions
from engine.models.inpainting import Inpainter, MelPrompt, Work, in_lockstep
from engine.pipeline.acoustic import Manner, OpenStream, Piece
from engine.types import Samples, VoicePrompt

HELD_TOKENS = 4  # features near the end change with what follows: 16 frames by convolution alone
FIRST_HEARD_TOKENS = 10
STRAY_FRAMES = 4  # by which the lengths of a reference's mels and spectrogram may differ


@dataclass(frozen=True, slots=True, eq=False)
class FlowAcoustics:
    """A flow-matching decoder and its vocoder as the acoustic half of a bundle."""

    networks: FlowNetworks
    options: FlowOptions

    @property
    def together(self) -> int:
        """See `AcousticDecoder`."""
        return 1

    @torch.inference_mode()
    def in_voice(self, voice: VoicePrompt, manner: Manner) -> OpenStream:
        """See `AcousticDecoder`."""
        decoder, limits = self.networks.decoder, self.networks.config.limits
        device = decoder.ssl_proj.weight.device
        mel = self._known_mel(voice).to(device)
        style = decoder.mean_style([r[None].to(device) for r in voice.reference_spectrograms])
        features = decoder.features(
            voice.semantic_tokens[None].to(device), voice.phoneme_ids[None].to(device), style
        )
        prompt = MelPrompt.fit(normalize_mel(mel[None]), features, limits)
        return partial(FlowStream, self, FlowVoice(style, prompt), manner)

    @torch.inference_mode()
    def decode(self, pieces: Sequence[Piece]) -> list[Samples]:
        """See `AcousticDecoder`; the flows of all pieces go together."""
        works = [
            cast(FlowStream, each.stream).work(each.semantic_tokens, last=each.last)
            for each in pieces
        ]
        return in_lockstep(self.networks.decoder.cfm, works, self.options.guidance)

    def _known_mel(self, voice: VoicePrompt) -> Tensor:
        """The reference's log-mels [M, T].

        Raises:
            ReferenceAudioError: the voice has none, or those of another version.
        """
        mel, config = voice.reference_mel, self.networks.config.decoder
        if mel is not None and voice.reference_spectrograms:
            expected = voice.reference_spectrograms[0].shape[-1] * config.frames_per_latent
            if len(mel) == config.dit.mels and abs(mel.shape[-1] - expected) <= STRAY_FRAMES:
                return mel
        raise ReferenceAudioError(
            "the voice has no mels of its reference at the rate that this bundle reads: "
            "make it again from its recording with this bundle"
        )


@dataclass(frozen=True, slots=True, eq=False)
class FlowVoice:
    """A voice as the flow reads it: `style_embedding` [1, gin, 1] and the known frames."""

    style_embedding: Tensor
    prompt: MelPrompt


class FlowStream:
    """Decodes one sentence; all state of it lives here.

    Args:
        acoustics: its networks.
        voice: style and known frames.
        manner: the speed, and the flow's steps, None for those of the bundle.
        phoneme_ids: of the sentence, [N].
        generator: source of the flow's noise, on the CPU.
    """

    def __init__(
        self,
        acoustics: FlowAcoustics,
        voice: FlowVoice,
        manner: Manner,
        phoneme_ids: Tensor,
        generator: torch.Generator,
    ) -> None:
        self._networks, self._guidance = acoustics.networks, acoustics.options.guidance
        self._steps = acoustics.options.steps if manner.steps is None else manner.steps
        self._style, self._speed = voice.style_embedding, manner.speed
        self._phoneme_ids = phoneme_ids[None].to(self._style.device)
        self._generator, self._prompt = generator, voice.prompt
        self._final_frames = 0
        self._mel = voice.prompt.mel[..., :0]  # what the vocoder still needs
        self._spoken_frames = 0  # of those

    @property
    def incremental(self) -> bool:
        """Whether pieces can be decoded before the end: at the model's own speed."""
        return self._speed == 1.0

    @property
    def first_piece_tokens(self) -> int:
        """Enough for something to be heard after what is held back."""
        config = self._networks.config
        reach = math.ceil(config.vocoder.reach / (2 * config.decoder.frames_per_latent))
        return HELD_TOKENS + reach + FIRST_HEARD_TOKENS

    def decode(self, semantic_tokens: Tensor, *, last: bool) -> Samples:
        """Return what can be spoken now of all tokens so far [T], float32 [S]."""
        work = self.work(semantic_tokens, last=last)
        return in_lockstep(self._networks.decoder.cfm, [work], self._guidance)[0]

    def work(self, semantic_tokens: Tensor, *, last: bool) -> Work[Samples]:
        """The work of `decode`, to be done beside that of other streams."""
        decoder = self._networks.decoder
        features = decoder.features(
            semantic_tokens[None].to(self._style.device),
            self._phoneme_ids,
            self._style,
            self._speed,
        )
        held = 0 if last else math.ceil(HELD_TOKENS * 2 * decoder.config.frames_per_latent)
        until = max(self._final_frames, features.shape[-1] - held)
        yield from self._go_on(features, until)
        return self._vocode(last=last)

    def _go_on(self, features: Tensor, until: int) -> Work[None]:
        """Make the frames from the last final one to `until`, looking ahead to the end."""
        fresh = features[..., self._final_frames :]
        kept = until - self._final_frames
        if not kept:
            return
        networks = self._networks
        flow = Inpainter(networks.decoder.cfm, self._steps, self._noise, self._guidance)
        mel = yield from flow.work(self._prompt, fresh, networks.config.limits)
        mel = mel[..., :kept]
        self._prompt = self._prompt.followed_by(mel, fresh[..., :kept])
        self._mel = torch.cat((self._mel, mel), dim=-1)
        self._final_frames = until

    def _vocode(self, *, last: bool) -> Samples:
        """Sound of the final frames that the vocoder will not hear otherwise any more."""
        config, frames = self._networks.config.vocoder, self._mel.shape[-1]
        ready = frames if last else max(self._spoken_frames, frames - config.reach)
        if ready == self._spoken_frames:
            return torch.zeros(0).numpy()
        wave: Tensor = self._networks.vocoder(denormalize_mel(self._mel))[0, 0]
        samples = wave[self._spoken_frames * config.hop : ready * config.hop]
        forgotten = max(0, ready - config.reach)
        self._mel, self._spoken_frames = self._mel[..., forgotten:], ready - forgotten
        return samples.float().cpu().numpy()

    def _noise(self, shape: tuple[int, int, int]) -> Tensor:
        return torch.randn(shape, generator=self._generator).to(self._style.device)
