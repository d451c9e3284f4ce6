"""The last step: trained checkpoints -> the bundle folder, with its voices."""

from __future__ import annotations

import shutil
from pathlib import Path

from torch import Tensor

from engine.checkpoints.bundle_folder import (
    BundleConfig,
    SpeechDefaults,
    VoiceEntry,
    load_network,
    save_network,
    write_config,
)
from engine.models.hubert import ContentEncoder
from engine.models.sampling import SamplingOptions
from engine.models.vits_decoder import VitsDecoder
from engine.text.frontend import TextFrontend
from engine.training.run import load_checkpoint
from engine.training.starter.content import CONTENT_CONFIG
from engine.training.starter.generate import Speaker, speak
from engine.training.starter.recipe import (
    REFERENCE_TEXTS,
    SPEAKERS,
    Recipe,
    acoustic_config,
    semantic_config,
)
from engine.training.starter.speech import PEAK
from engine.training.starter.stages import trained_decoder
from engine.types import SpeechChecks
from engine.voices.archive import save_prompt
from engine.voices.prompting import PromptMaker

TRAINING_PARTS = "enc_q."
CHECKS = SpeechChecks(
    min_tokens_per_phoneme=1.7, max_tokens_per_phoneme=5, spare_tokens=30, loop_tokens=20
)  # it says 2.0 to 3.5 tokens per phoneme, up to 5.0 in the shortest texts


def export_bundle(work: Path, bundle: Path, recipe: Recipe) -> None:
    """Write `bundle` from the checkpoints in `work`; voices are spoken anew as references."""
    shutil.rmtree(bundle / "voices", ignore_errors=True)
    (bundle / "voices").mkdir(parents=True)
    acoustic = trained_decoder(work, recipe).state_dict()
    spoken = {k: v for k, v in acoustic.items() if not k.startswith(TRAINING_PARTS)}
    save_network(spoken, bundle / "acoustic.safetensors")
    save_network(_state(work / "semantic", "model"), bundle / "text_to_semantic.safetensors")
    save_network(_state(work / "content", "encoder"), bundle / "content_encoder.safetensors")
    entries = _write_voices(bundle)
    write_config(
        bundle,
        BundleConfig(
            name="starter",
            version="v2",
            symbols="v2",
            languages=("en", "zh"),
            text_to_semantic=semantic_config(),
            acoustic=acoustic_config(),
            content_encoder=dict(CONTENT_CONFIG),
            defaults=SpeechDefaults(
                SamplingOptions(top_k=3, temperature=0.3, repetition_penalty=1.0),
                noise_scale=0.3,
                sentence_gap_s=0.1,
                reference_peak=PEAK,
                longest_reference_s=5.5,
                widest_piece=72,
                carried_s=0.0,
                checks=CHECKS,
            ),
            voices=entries,
            sha256={},
        ),
    )


def _state(run: Path, part: str) -> dict[str, Tensor]:
    state: dict[str, Tensor] = load_checkpoint(run)[part]
    return state


def _write_voices(bundle: Path) -> tuple[VoiceEntry, ...]:
    """Make each speaker's prompt with the networks as they were just written."""
    content = ContentEncoder(CONTENT_CONFIG)
    load_network(content, bundle / "content_encoder.safetensors")
    decoder = VitsDecoder(acoustic_config())
    load_network(decoder, bundle / "acoustic.safetensors")
    maker = PromptMaker(content, decoder, PEAK)
    frontend = TextFrontend("v2")
    return tuple(_write_voice(bundle, s, maker, frontend) for s in SPEAKERS)


def _write_voice(
    bundle: Path, speaker: Speaker, maker: PromptMaker, frontend: TextFrontend
) -> VoiceEntry:
    text = REFERENCE_TEXTS[speaker.language]
    reference = speak(speaker, text).audio
    phonemes = frontend.phonemes(text, speaker.language)
    prompt = maker.make(reference, phonemes, speaker.language, None)
    save_prompt(prompt, bundle / "voices" / f"{speaker.name}.safetensors")
    return VoiceEntry(speaker.name, speaker.title, speaker.description, speaker.language)
