"""The voices that can be spoken with: the bundles' own and the stored ones."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from backend.errors import (
    InvalidFieldError,
    VoiceBuiltinError,
    VoiceExistsError,
    VoiceNotFoundError,
)
from backend.storage.blobs import BlobFolders
from backend.storage.voices import VoiceRow, VoiceTable
from backend.voices.prompt_cache import PromptCache
from backend.voices.recordings import read_consent, read_recording, write_recording
from backend.voices.submission import (
    Submission,
    VoiceDescription,
    check_description,
)
from engine.types import Audio, VoicePrompt
from engine.voices.archive import load_prompt, save_prompt

if TYPE_CHECKING:
    from engine.pipeline.bundle import Bundle

REFERENCE_FILE = "reference.wav"
CONSENT_FILE = "consent.wav"
KNOWN_VOICES_SHOWN = 20


@dataclass(frozen=True, slots=True)
class VoiceInfo:
    """What callers may know of a voice; `created` is None for a bundle's own.

    `bundle` names the loaded bundle that speaks in it.
    """

    voice_id: str
    display_name: str
    description: str
    language: str
    created: datetime | None
    bundle: str

    @property
    def builtin(self) -> bool:
        """Whether it came with the bundle."""
        return self.created is None


class VoiceLibrary:
    """Lists, makes and deletes voices. Blocking: call it off the event loop.

    A voice exists once its row does; the folder that the row names is complete by then. A stored
    voice speaks with the bundle that it was made for, or with the first where that is not loaded.
    A bundle's own voice that has the id of another's is called after its bundle.

    Args:
        bundles: those that are loaded, at least one, with different names.
    """

    def __init__(
        self,
        bundles: Sequence[Bundle],
        table: VoiceTable,
        folders: BlobFolders,
    ) -> None:
        self._bundles = {bundle.name: bundle for bundle in bundles}
        self._default = bundles[0]
        self._builtin = _builtin_voices(bundles)
        self._table = table
        self._folders = folders
        self._cache = PromptCache()
        self._model_lock = threading.Lock()  # one reference at a time goes through the models

    def sweep(self) -> int:
        """Delete what killed uploads and deletions left; only before serving."""
        return self._folders.sweep({row.folder for row in self._table.all()})

    def list(self) -> list[VoiceInfo]:
        """Return all voices, ordered by id."""
        builtin = [voice.info for voice in self._builtin.values()]
        stored = [self._stored_info(row) for row in self._table.all()]
        return sorted(builtin + stored, key=lambda voice: voice.voice_id)

    def get(self, voice_id: str) -> VoiceInfo:
        """Return one voice.

        Raises:
            VoiceNotFoundError: with some of the voices that exist.
        """
        if voice_id in self._builtin:
            return self._builtin[voice_id].info
        return self._stored_info(self._row(voice_id))

    def displaced(self) -> Sequence[tuple[str, str]]:
        """The ids of voices whose bundle is not loaded, and its name."""
        rows = self._table.all()
        return [(row.voice_id, row.bundle) for row in rows if self._is_displaced(row)]

    def prompt(self, voice_id: str) -> VoicePrompt:
        """Return what the engine of the voice's bundle needs to speak in it.

        Raises:
            VoiceNotFoundError: no voice has this id.
        """
        if voice_id in self._builtin:
            return self._builtin[voice_id].prompt
        row = self._row(voice_id)
        return self._cache.get(row.folder, partial(self._stored_prompt, row))

    def check(self, voice: VoiceDescription) -> None:
        """Refuse a voice that cannot be made, before its recordings are sent.

        Raises:
            VoiceExistsError: the id is taken.
            InvalidFieldError: no such bundle is loaded; or see `check_description`, also for
                UnsupportedLanguageError and ConsentRequiredError.
        """
        check_description(voice, self._wanted_bundle(voice).languages)
        taken = voice.voice_id in self._builtin
        if taken or self._table.get(voice.voice_id) is not None:
            raise VoiceExistsError(voice.voice_id)

    def create(self, submission: Submission) -> VoiceInfo:
        """Make a voice that can be spoken with as soon as this returns.

        Raises:
            ReferenceAudioError: the reference cannot be used.
            ConsentRequiredError: the recorded consent cannot be used.
            VoiceExistsError: the id was taken meanwhile.
            StorageError: it cannot be kept; nothing of it is.
        """
        voice = submission.voice
        self.check(voice)
        reference = read_recording(submission.reference)
        consent = read_consent(submission.consent)
        bundle = self._wanted_bundle(voice)
        prompt = self._make_prompt(bundle, reference, voice.transcript, voice.language)
        files = Files(reference, consent, {_prompt_file(bundle): prompt})
        folder = self._folders.add(files.write)
        row = _row_of(voice, folder)
        with ExitStack() as failed:
            failed.callback(self._folders.remove, folder)
            self._table.add(row)
            failed.pop_all()
        return self._stored_info(row)

    def delete(self, voice_id: str) -> None:
        """Delete a voice and everything that was kept of it.

        Raises:
            VoiceBuiltinError: it came with the bundle.
            VoiceNotFoundError: no voice has this id.
        """
        if voice_id in self._builtin:
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

    def _stored_prompt(self, row: VoiceRow) -> VoicePrompt:
        """Load a prompt; the first time with another bundle it is made from the reference.

        The file is called after the bundle's content, so a bundle that was replaced under its
        name never meets the prompt of the old one.
        """
        bundle = self._bundle_of(row)
        file_name = _prompt_file(bundle)
        path = self._folders.path(row.folder) / file_name
        if path.exists():
            return load_prompt(path)
        reference = read_recording((path.parent / REFERENCE_FILE).read_bytes())
        prompt = self._make_prompt(bundle, reference, row.transcript, row.language)
        self._folders.add_file(row.folder, file_name, partial(save_prompt, prompt))
        return prompt

    def _make_prompt(
        self, bundle: Bundle, reference: Audio, transcript: str, language: str
    ) -> VoicePrompt:
        with self._model_lock:
            return bundle.create_prompt(reference, transcript, language)

    def _wanted_bundle(self, voice: VoiceDescription) -> Bundle:
        if voice.bundle and voice.bundle not in self._bundles:
            known = ", ".join(self._bundles)
            raise InvalidFieldError("config.bundle", f"{voice.bundle!r} is not loaded: {known}")
        return self._bundles.get(voice.bundle, self._default)

    def _bundle_of(self, row: VoiceRow) -> Bundle:
        return self._bundles.get(row.bundle, self._default)

    def _is_displaced(self, row: VoiceRow) -> bool:
        return bool(row.bundle) and row.bundle not in self._bundles

    def _stored_info(self, row: VoiceRow) -> VoiceInfo:
        return VoiceInfo(
            row.voice_id,
            row.display_name,
            row.description,
            row.language,
            row.created_utc,
            self._bundle_of(row).name,
        )


@dataclass(frozen=True, slots=True)
class Files:
    """What a new voice's folder holds; `prompts` by file name."""

    reference: Audio
    consent: Audio
    prompts: Mapping[str, VoicePrompt]

    def write(self, folder: Path) -> None:
        """Fill the folder."""
        write_recording(self.reference, folder / REFERENCE_FILE)
        write_recording(self.consent, folder / CONSENT_FILE)
        for name, prompt in self.prompts.items():
            save_prompt(prompt, folder / name)


@dataclass(frozen=True, slots=True)
class BuiltinVoice:
    """A bundle's own voice under the id that it has here."""

    info: VoiceInfo
    prompt: VoicePrompt


def _builtin_voices(bundles: Iterable[Bundle]) -> dict[str, BuiltinVoice]:
    found: dict[str, BuiltinVoice] = {}
    for bundle in bundles:
        for voice in bundle.builtin_voices.values():
            taken = voice.voice_id in found
            voice_id = f"{bundle.name}-{voice.voice_id}" if taken else voice.voice_id
            info = VoiceInfo(
                voice_id,
                voice.display_name,
                voice.description,
                voice.language,
                None,
                bundle.name,
            )
            found[voice_id] = BuiltinVoice(info, voice.prompt)
    return found


def _prompt_file(bundle: Bundle) -> str:
    return f"prompt-{bundle.revision}.safetensors"


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
        bundle=voice.bundle,
    )
