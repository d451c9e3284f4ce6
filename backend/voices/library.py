"""The voices that can be spoken with: the bundle's own and the stored ones."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from backend.errors import VoiceBuiltinError, VoiceExistsError, VoiceNotFoundError
from backend.storage.blobs import BlobFolders
from backend.storage.voices import VoiceRow, VoiceTable
from backend.voices.prompt_cache import PromptCache
from backend.voices.recordings import read_recording, write_recording
from backend.voices.submission import (
    Submission,
    VoiceDescription,
    check_consent,
    check_description,
    check_reference,
)
from engine.types import Audio, VoicePrompt
from engine.voices.archive import load_prompt, save_prompt

if TYPE_CHECKING:
    from engine.pipeline.bundle import Bundle, BundledVoice

REFERENCE_FILE = "reference.wav"
CONSENT_FILE = "consent.wav"
KNOWN_VOICES_SHOWN = 20


@dataclass(frozen=True, slots=True)
class VoiceInfo:
    """What callers may know of a voice; `created` is None for the bundle's own."""

    voice_id: str
    display_name: str
    description: str
    language: str
    created: datetime | None

    @property
    def builtin(self) -> bool:
        """Whether it came with the bundle."""
        return self.created is None


@dataclass(frozen=True, slots=True)
class ReferenceLimits:
    """How long a reference may be."""

    min_s: float
    max_s: float


class VoiceLibrary:
    """Lists, makes and deletes voices. Blocking: call it off the event loop.

    A voice exists once its row does; the folder that the row names is complete by then.
    """

    def __init__(
        self, bundle: Bundle, table: VoiceTable, folders: BlobFolders, limits: ReferenceLimits
    ) -> None:
        self._bundle = bundle
        self._table = table
        self._folders = folders
        self._limits = limits
        self._cache = PromptCache()
        self._model_lock = threading.Lock()  # one reference at a time goes through the models

    def sweep(self) -> int:
        """Delete what killed uploads and deletions left; only before serving."""
        return self._folders.sweep({row.folder for row in self._table.all()})

    def list(self) -> list[VoiceInfo]:
        """Return all voices, ordered by id."""
        builtin = [_builtin_info(voice) for voice in self._bundle.builtin_voices.values()]
        stored = [_stored_info(row) for row in self._table.all()]
        return sorted(builtin + stored, key=lambda voice: voice.voice_id)

    def get(self, voice_id: str) -> VoiceInfo:
        """Return one voice.

        Raises:
            VoiceNotFoundError: with some of the voices that exist.
        """
        if voice_id in self._bundle.builtin_voices:
            return _builtin_info(self._bundle.builtin_voices[voice_id])
        return _stored_info(self._row(voice_id))

    def prompt(self, voice_id: str) -> VoicePrompt:
        """Return what the engine needs to speak in a voice.

        Raises:
            VoiceNotFoundError: no voice has this id.
        """
        if voice_id in self._bundle.builtin_voices:
            return self._bundle.builtin_voices[voice_id].prompt
        row = self._row(voice_id)
        return self._cache.get(row.folder, partial(self._stored_prompt, row))

    def check(self, voice: VoiceDescription) -> None:
        """Refuse a voice that cannot be made, before its recordings are sent.

        Raises:
            VoiceExistsError: the id is taken.
            InvalidFieldError, UnsupportedLanguageError, ConsentRequiredError: see
                `check_description`.
        """
        check_description(voice, self._bundle.languages)
        taken = voice.voice_id in self._bundle.builtin_voices
        if taken or self._table.get(voice.voice_id) is not None:
            raise VoiceExistsError(voice.voice_id)

    def create(self, submission: Submission) -> VoiceInfo:
        """Make a voice that can be spoken with as soon as this returns.

        Raises:
            ReferenceAudioError: the reference cannot be used.
            ConsentRequiredError: the recorded consent cannot be used.
            VoiceExistsError: the id was taken meanwhile.
        """
        voice = submission.voice
        self.check(voice)
        reference = read_recording(submission.reference)
        check_reference(reference, self._limits.min_s, self._limits.max_s)
        consent = read_recording(submission.consent)
        check_consent(consent)
        prompt = self._make_prompt(reference, voice.transcript, voice.language)
        folder = self._folders.add(partial(self._write, reference, consent, prompt))
        row = _row_of(voice, folder)
        try:
            self._table.add(row)
        except VoiceExistsError:
            self._folders.remove(folder)
            raise
        return _stored_info(row)

    def delete(self, voice_id: str) -> None:
        """Delete a voice and everything that was kept of it.

        Raises:
            VoiceBuiltinError: it came with the bundle.
            VoiceNotFoundError: no voice has this id.
        """
        if voice_id in self._bundle.builtin_voices:
            raise VoiceBuiltinError(voice_id)
        row = self._row(voice_id)
        self._table.remove(voice_id)
        self._cache.drop(row.folder)
        self._folders.remove(row.folder)

    def _row(self, voice_id: str) -> VoiceRow:
        row = self._table.get(voice_id)
        if row is None:
            known = (voice.voice_id for voice in self.list()[:KNOWN_VOICES_SHOWN])
            raise VoiceNotFoundError(f"voices/{voice_id}", (f"voices/{name}" for name in known))
        return row

    def _write(self, reference: Audio, consent: Audio, prompt: VoicePrompt, folder: Path) -> None:
        write_recording(reference, folder / REFERENCE_FILE)
        write_recording(consent, folder / CONSENT_FILE)
        save_prompt(prompt, folder / self._prompt_file)

    def _stored_prompt(self, row: VoiceRow) -> VoicePrompt:
        """Load a prompt; the first time with another bundle it is made from the reference."""
        path = self._folders.path(row.folder) / self._prompt_file
        if path.exists():
            return load_prompt(path)
        reference = read_recording((path.parent / REFERENCE_FILE).read_bytes())
        prompt = self._make_prompt(reference, row.transcript, row.language)
        self._folders.add_file(row.folder, self._prompt_file, partial(save_prompt, prompt))
        return prompt

    def _make_prompt(self, reference: Audio, transcript: str, language: str) -> VoicePrompt:
        with self._model_lock:
            return self._bundle.create_prompt(reference, transcript, language)

    @property
    def _prompt_file(self) -> str:
        return f"prompt-{self._bundle.name}.safetensors"


def _builtin_info(voice: BundledVoice) -> VoiceInfo:
    return VoiceInfo(voice.voice_id, voice.display_name, voice.description, voice.language, None)


def _stored_info(row: VoiceRow) -> VoiceInfo:
    return VoiceInfo(row.voice_id, row.display_name, row.description, row.language, row.created_utc)


def _row_of(voice: VoiceDescription, folder: str) -> VoiceRow:
    return VoiceRow(
        voice_id=voice.voice_id,
        folder=folder,
        display_name=voice.display_name.strip() or voice.voice_id,
        description=voice.description,
        language=voice.language,
        transcript=voice.transcript,
        consent_speaker=voice.consent_speaker,
        consent_text=voice.consent_text,
    )
