"""A bundle in memory: the networks, the front end and the voices that speak together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import torch
from torch import Tensor

from engine.checkpoints.bundle_folder import (
    BundleConfig,
    SpeechDefaults,
    load_network,
    read_config,
    verify,
)
from engine.device import pick_device
from engine.errors import UnsupportedLanguageError
from engine.models.hubert import ContentEncoder
from engine.models.text_to_semantic import TextToSemantic
from engine.models.vits_decoder import VitsDecoder
from engine.models.weight_norm import fuse_weight_norm
from engine.text.frontend import TextFrontend
from engine.types import Audio, Phonemes, VoicePrompt
from engine.voices.archive import load_prompt
from engine.voices.prompting import PromptMaker


@dataclass(frozen=True, slots=True)
class BundledVoice:
    """A voice that came with the bundle."""

    voice_id: str
    display_name: str
    description: str
    language: str
    prompt: VoicePrompt


@dataclass(frozen=True, slots=True, eq=False)
class Bundle:
    """Networks in evaluation mode; nothing here changes after loading."""

    name: str
    config: BundleConfig
    frontend: TextFrontend
    text_to_semantic: TextToSemantic
    decoder: VitsDecoder
    prompt_maker: PromptMaker
    builtin_voices: Mapping[str, BundledVoice]
    device: torch.device

    @property
    def sample_rate_hz(self) -> int:
        """Samples per second of the speech."""
        return self.config.acoustic.sample_rate_hz

    @property
    def languages(self) -> tuple[str, ...]:
        """Codes of the languages that the networks were trained to speak."""
        return self.config.languages

    @property
    def defaults(self) -> SpeechDefaults:
        """What a request takes where it says nothing."""
        return self.config.defaults

    def phonemes(self, text: str, language: str) -> Phonemes:
        """The phonemes of one sentence.

        Raises:
            UnsupportedLanguageError: the bundle does not speak `language`, or one that was found
                in the text.
            EmptyTextError: nothing in it can be spoken.
        """
        self.check_language(language)
        phonemes = self.frontend.phonemes(text, language)
        for segment in phonemes.segments:
            self.check_language(segment.language)
        return phonemes

    def check_language(self, language: str) -> None:
        """Raise UnsupportedLanguageError unless `language` is spoken, or a mode such as `auto`."""
        if language not in (*self.languages, *self.frontend.modes):
            raise UnsupportedLanguageError(language, self.languages)

    def bert_features(self, phonemes: Phonemes) -> Tensor | None:
        """Character features [1024, N], or None: the model takes zeros for it."""
        return None

    def create_prompt(self, reference: Audio, transcript: str, language: str) -> VoicePrompt:
        """Make a voice of a recording of 3 to 10 s and its words.

        Raises:
            ReferenceAudioError: the recording cannot be used.
            UnsupportedLanguageError: the bundle does not speak `language`.
            EmptyTextError: the transcript has nothing that can be spoken.
        """
        phonemes = self.phonemes(transcript, language)
        return self.prompt_maker.make(reference, phonemes, language, self.bert_features(phonemes))


def load_bundle(folder: Path, device: str = "auto") -> Bundle:
    """Load the bundle in `folder` onto `device` (`auto`, `cpu`, `cuda`, …).

    Raises:
        BundleError: a file is missing, damaged or does not fit its description.
    """
    config = read_config(folder)
    verify(folder, config)
    where = pick_device(device)
    content = ContentEncoder(config.content_encoder)
    load_network(content, folder / "content_encoder.safetensors")
    model = TextToSemantic(config.text_to_semantic)
    load_network(model, folder / "text_to_semantic.safetensors")
    decoder = VitsDecoder(config.acoustic)
    load_network(decoder, folder / "acoustic.safetensors")
    fuse_weight_norm(decoder)
    voices = {
        v.voice_id: BundledVoice(
            v.voice_id,
            v.display_name,
            v.description,
            v.language,
            load_prompt(folder / "voices" / f"{v.voice_id}.safetensors"),
        )
        for v in config.voices
    }
    return Bundle(
        config.name,
        config,
        TextFrontend(config.symbols),
        model.to(where),
        decoder.to(where),
        PromptMaker(content, decoder, config.defaults.reference_peak),
        MappingProxyType(voices),
        where,
    )
