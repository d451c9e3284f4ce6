"""A fine-tuned pair and one recording of its speaker become a bundle with that voice in it."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass, replace
from pathlib import Path

from engine.audio.files import AudioLimits, decode, encode_wav
from engine.checkpoints.bundle_folder import VoiceEntry, read_config, write_config
from engine.errors import InputError, ReferenceAudioError
from engine.pipeline.bundle import load_bundle
from engine.types import Audio
from engine.voices.archive import save_prompt

MIN_CONSENT_S = 1.0
MAX_RECORDING_S = 120.0
RECORD = "voice.json"


@dataclass(frozen=True, slots=True)
class SpokenBy:
    """Whose voice it is, and that the person agreed.

    Attributes:
        speaker: the person's name.
        reference: the file of a recording of 3 to 10 s; `transcript` are its words.
        consent: the file in which the person agrees; `consent_text` are its words.
    """

    voice_id: str
    speaker: str
    language: str
    reference: Path
    transcript: str
    consent: Path
    consent_text: str


def check_voice(voice: SpokenBy) -> tuple[Audio, Audio]:
    """The reference and the recorded consent, decoded.

    Raises:
        InputError: the speaker, the transcript or the words of the consent are missing.
        ReferenceAudioError: a recording cannot be read, or no sentence fits in the consent.
    """
    for what in ("speaker", "transcript", "consent_text"):
        if not str(getattr(voice, what)).strip():
            raise InputError(f"{what.replace('_', ' ')} is empty")
    reference, consent = _read(voice.reference), _read(voice.consent)
    if consent.duration_s < MIN_CONSENT_S:
        raise ReferenceAudioError(
            f"the recorded consent lasts {consent.duration_s:.2f} s; no sentence fits in that"
        )
    return reference, consent


def add_voice(folder: Path, voice: SpokenBy) -> None:
    """Give the bundle in `folder` a voice of its own, with the consent beside it.

    Raises:
        InputError: see `check_voice`; or the bundle does not speak the language, or cannot use
            the reference.
        BundleError: the bundle cannot be loaded.
    """
    reference, consent = check_voice(voice)
    prompt = load_bundle(folder, "cpu").create_prompt(reference, voice.transcript, voice.language)
    place = folder / "voices" / voice.voice_id
    place.mkdir(parents=True, exist_ok=True)
    save_prompt(prompt, place.with_suffix(".safetensors"))
    (place / "reference.wav").write_bytes(encode_wav(reference))
    (place / "consent.wav").write_bytes(encode_wav(consent))
    record = {
        "speaker": voice.speaker,
        "language": voice.language,
        "transcript": voice.transcript,
        "consent_text": voice.consent_text,
    }
    (place / RECORD).write_text(json.dumps(record, ensure_ascii=False, indent=1), "utf-8")
    config = read_config(folder)
    entry = VoiceEntry(voice.voice_id, voice.speaker, "", voice.language)
    others = tuple(each for each in config.voices if each.voice_id != voice.voice_id)
    write_config(folder, replace(config, voices=(*others, entry)))


def add_voice_or_remove(folder: Path, voice: SpokenBy) -> None:
    """As `add_voice`, for a bundle that was made just for it: it goes if that fails."""
    try:
        add_voice(folder, voice)
    except BaseException:
        shutil.rmtree(folder)
        raise


def _read(path: Path) -> Audio:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ReferenceAudioError(f"{path} cannot be read: {error}") from error
    return decode(data, AudioLimits(max_s=MAX_RECORDING_S))
