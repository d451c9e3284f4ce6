"""A bundle in memory: the networks, the front end and the voices that speak together."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import torch
from torch import Tensor

from engine.checkpoints.bundle_folder import (
    BundleConfig,
    SpeechDefaults,
    VoiceEntry,
    read_config,
    verify_changed,
)
from engine.checkpoints.parts import Parts, load_parts
from engine.checkpoints.polyphones import find_predictor, reads_by_predictor
from engine.checkpoints.revision import revision
from engine.device import pick_device
from engine.errors import UnreadableTextError, UnsupportedLanguageError
from engine.models.cfm import FlowOptions
from engine.models.half_precision import Probe, halve, halved_generator
from engine.models.packed_decoder import pack_decoder
from engine.models.packed_decoding import Precision, pack_text_to_semantic
from engine.models.text_to_semantic import TextToSemantic
from engine.models.vits_decoder import VitsDecoder
from engine.models.weight_norm import fuse_weight_norm
from engine.pipeline.acoustic import AcousticDecoder
from engine.pipeline.characters import CharacterFeatures
from engine.pipeline.flow_stream import FlowAcoustics
from engine.pipeline.probes import probes, sentences
from engine.pipeline.vits_stream import VitsAcoustics
from engine.text.frontend import TextFrontend
from engine.text.guests import scripts_of
from engine.text.lexicon import read_lexicon
from engine.text.mapped import espeak
from engine.text.mapped.languages import MAPPED_FROM, MAPPED_LANGUAGES
from engine.text.symbols import PAUSE_MARKS
from engine.types import Audio, Phonemes, Pronunciation, VoicePrompt
from engine.voices.archive import load_prompt
from engine.voices.fitting import fit_transcribed
from engine.voices.prompting import PromptMaker

logger = logging.getLogger(__name__)

LEXICON = "lexicon.json"
NARROW = 256  # width of a model whose operations end before a second thread wakes up


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
    acoustics: AcousticDecoder
    prompt_maker: PromptMaker
    builtin_voices: Mapping[str, BundledVoice]
    device: torch.device
    characters: CharacterFeatures | None = None

    @property
    def sample_rate_hz(self) -> int:
        """Samples per second of the speech."""
        return self.config.acoustic.sample_rate_hz

    @property
    def languages(self) -> tuple[str, ...]:
        """Codes of the languages that are spoken: those that the networks know, then the mapped."""
        return (*self.config.languages, *self.mapped_languages)

    @property
    def mapped_languages(self) -> tuple[str, ...]:
        """Codes of the languages that are spoken in the nearest sounds of others.

        There are none where the networks know no English or espeak-ng is not installed.
        """
        possible = MAPPED_FROM in self.config.languages and espeak.is_installed()
        return self.frontend.mapped_languages if possible else ()

    @property
    def best_threads(self) -> int:
        """CPU threads that it speaks fastest on: one if it is small, else as many as there are."""
        narrow = self.text_to_semantic.config.width <= NARROW
        return 1 if narrow else torch.get_num_threads()

    @property
    def readers(self) -> Mapping[str, str]:
        """What decides the pronunciation of each language."""
        return {code: self.frontend.readers[code] for code in self.languages}

    @property
    def revision(self) -> str:
        """What tells the content of this bundle from that of another."""
        return revision(self.config)

    @property
    def defaults(self) -> SpeechDefaults:
        """What a request takes where it says nothing."""
        return self.config.defaults

    def phonemes(self, text: str, language: str) -> Phonemes:
        """The phonemes of one sentence; words in no language of the bundle are told as left out.

        Raises:
            UnsupportedLanguageError: the bundle does not speak `language`, or one that a reading
                in the text is given in.
            EmptyTextError: nothing in it can be spoken.
        """
        self.check_language(language)
        phonemes = self.frontend.phonemes(text, language, spoken=self.config.languages)
        for segment in phonemes.segments:
            self.check_language(segment.language)
        return phonemes

    def check_language(self, language: str) -> None:
        """Check that `language` is spoken, or a mode such as `auto`.

        Raises:
            UnsupportedLanguageError: it is neither.
            MissingDependencyError: it would be spoken if espeak-ng were installed.
        """
        mapped = MAPPED_FROM in self.config.languages and language in MAPPED_LANGUAGES
        if mapped and not espeak.is_installed():
            raise espeak.missing_program()
        if language not in (*self.languages, *self.frontend.modes):
            raise UnsupportedLanguageError(language, self.languages)

    def bert_features(self, phonemes: Phonemes) -> Tensor | None:
        """Character features [1024, N], zeros where the language is not Mandarin.

        None if the bundle has no network for them: its model takes zeros for it.

        Raises:
            SynthesisError: the phonemes do not say which characters they belong to.
        """
        return None if self.characters is None else self.characters(phonemes)

    def create_prompt(self, reference: Audio, transcript: str, language: str) -> VoicePrompt:
        """Make a voice of a recording and its words.

        The recording should last 3 to 10 s; of a longer one a part is used whose words are sure.

        Raises:
            ReferenceAudioError: the recording cannot be used; the message says what to do.
            UnsupportedLanguageError: the bundle does not speak `language`.
            EmptyTextError: the transcript has nothing that can be spoken.
            UnreadableTextError: it has words that the bundle cannot read, but the recording has.
        """
        reference, transcript = fit_transcribed(
            reference,
            transcript,
            lambda text: self._count_phonemes(text, language),
            self.prompt_maker.longest_reference_s,
        )
        phonemes = self.phonemes(transcript, language)
        if words := phonemes.left_out:
            raise UnreadableTextError(words, scripts_of(words), self.languages)
        return self.prompt_maker.make(reference, phonemes, language, self.bert_features(phonemes))

    def _count_phonemes(self, text: str, language: str) -> int:
        segments = self.phonemes(text, language).segments
        return sum(phoneme not in PAUSE_MARKS for s in segments for phoneme in s.phonemes)


def load_bundle(
    folder: Path,
    device: str = "auto",
    pronunciations: Sequence[Pronunciation] = (),
    precision: Precision | None = None,
) -> Bundle:
    """Load the bundle in `folder` onto `device` (`auto`, `cpu`, `cuda`, …).

    `pronunciations` come before those of the folder's `lexicon.json`, if there is one.
    Without a `precision` the text-to-semantic model has the fastest that keeps its tokens; on a
    GPU that is float32, and `half` is tried out first.

    Raises:
        BundleError: a file is missing, damaged or does not fit its description, or half precision
            on a GPU changes what the weights say.
        PronunciationError: a pronunciation is wrong.
        MissingDependencyError: the device lacks the precision.
    """
    config = read_config(folder)
    verify_changed(folder, config)
    where = pick_device(device)
    parts = load_parts(folder, config)
    fuse_weight_norm(parts.decoder)
    if isinstance(parts.acoustic, VitsDecoder):
        parts.acoustic.to(where)
        if where.type == "cpu":
            pack_decoder(parts.acoustic)
        elif precision is Precision.HALF:
            parts.acoustic.dec = halved_generator(parts.acoustic.dec)
    pack_text_to_semantic(parts.text_to_semantic, precision, where)
    by_predictor = reads_by_predictor(config)
    predictor = find_predictor(folder, parts.bert_vocabulary) if by_predictor else None
    lexicon = folder / LEXICON
    words = (*pronunciations, *(read_lexicon(lexicon) if lexicon.is_file() else ()))
    bundle = Bundle(
        config.name,
        config,
        TextFrontend(config.symbols, predictor=predictor, pronunciations=words),
        parts.text_to_semantic.to(where),
        _acoustics(config, parts, where),
        _prompt_maker(config, parts, where),
        MappingProxyType({v.voice_id: _load_voice(folder, v) for v in config.voices}),
        where,
        _characters(parts, where),
    )
    if where.type != "cpu" and precision is Precision.HALF:
        kind = halve(bundle.text_to_semantic, _probes(bundle))
        logger.info("%s decodes in %s", config.name, kind)
    return bundle


def _probes(bundle: Bundle) -> list[Probe]:
    heard = [voice.prompt for voice in bundle.builtin_voices.values()]
    spoken = sentences(bundle.phonemes, bundle.config.languages)
    return probes(spoken, heard, bundle.device)


def _acoustics(config: BundleConfig, parts: Parts, device: torch.device) -> AcousticDecoder:
    """The acoustic half that the description calls for."""
    networks = parts.acoustic
    if isinstance(networks, VitsDecoder):
        return VitsAcoustics.prepared(networks.to(device))
    networks.decoder.to(device)
    networks.vocoder.to(device)
    return FlowAcoustics(networks, config.defaults.flow or FlowOptions())


def _prompt_maker(config: BundleConfig, parts: Parts, device: torch.device) -> PromptMaker:
    speaker = None if parts.speaker_encoder is None else parts.speaker_encoder.to(device)
    acoustic = parts.acoustic
    return PromptMaker(
        parts.content_encoder.to(device),
        parts.decoder.to(device),
        config.defaults.reference_peak,
        speaker,
        None if isinstance(acoustic, VitsDecoder) else acoustic.config.mel,
        config.defaults.longest_reference_s,
    )


def _load_voice(folder: Path, entry: VoiceEntry) -> BundledVoice:
    prompt = load_prompt(folder / "voices" / f"{entry.voice_id}.safetensors")
    return BundledVoice(
        entry.voice_id, entry.display_name, entry.description, entry.language, prompt
    )


def _characters(parts: Parts, device: torch.device) -> CharacterFeatures | None:
    if parts.bert is None:
        return None
    return CharacterFeatures(parts.bert.to(device), parts.bert_vocabulary)
