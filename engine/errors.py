"""Errors of the engine, typed at their source.

EngineError
├── InputError                        the caller can mend it
│   ├── InvalidOptionError
│   ├── EmptyTextError                nothing in the text can be spoken
│   │   └── UnreadableTextError       there are words, but in scripts that are not read here
│   ├── TextTooLongError
│   ├── PronunciationError            a reading is malformed or does not fit its word
│   ├── UnsupportedLanguageError
│   └── ReferenceAudioError           unreadable, too short, too long, silent
├── BundleError                       the weights or their description are wrong
│   ├── CheckpointError
│   └── UnsafeCheckpointError         a pickle that asks for more than tensors
├── UnmappedSoundError                no phoneme is chosen for a sound of a mapped language
├── MissingDependencyError            a package or program is not installed; says how to get it
├── ModelError                        the models, or a library under them, failed; see its cause
└── SynthesisError                    the models gave no usable speech
    └── ReadingError                  a front end, or a library that it reads by, failed
"""

from __future__ import annotations

from collections.abc import Iterable


class EngineError(Exception):
    """Base of all errors that the engine raises on purpose."""


class InputError(EngineError):
    """The request is at fault; `field` names the part of it."""

    field: str = ""


class InvalidOptionError(InputError):
    """An option lies outside its range."""

    def __init__(self, name: str, value: object, allowed: str) -> None:
        super().__init__(f"{name} is {value!r}; allowed: {allowed}")
        self.field = f"options.{name}"


class EmptyTextError(InputError):
    """The text has nothing that can be spoken."""

    field = "text"


class UnreadableTextError(EmptyTextError):
    """The text has words, `left_out`, that no language here reads; `scripts` are theirs."""

    def __init__(self, left_out: str, scripts: Iterable[str], known: Iterable[str]) -> None:
        super().__init__(
            f"the text has words that are not read here (script: {', '.join(scripts)}); "
            f"the languages are {', '.join(known)}"
        )
        self.left_out = left_out


class TextTooLongError(InputError):
    """The text has more characters than the limit."""

    field = "text"

    def __init__(self, characters: int, limit: int) -> None:
        super().__init__(f"the text has {characters} characters; the limit is {limit}")
        self.characters = characters
        self.limit = limit


class PronunciationError(InputError):
    """A reading is malformed or does not fit its word; `field` says where it was given."""

    field = "text"

    def __init__(self, message: str, field: str = "text") -> None:
        super().__init__(message)
        self.field = field


class UnsupportedLanguageError(InputError):
    """No front end reads this language."""

    field = "language"

    def __init__(self, language: str, known: Iterable[str]) -> None:
        super().__init__(f"language {language!r} is not supported; known: {', '.join(known)}")
        self.language = language


class ReferenceAudioError(InputError):
    """A reference recording cannot be used; the message says why and what would do."""

    field = "reference"


class BundleError(EngineError):
    """A bundle cannot be loaded: a file is missing, damaged or of another shape."""


class CheckpointError(BundleError):
    """A checkpoint file cannot be read or does not hold what its kind must hold."""


class UnsafeCheckpointError(CheckpointError):
    """A pickle names `offender`, which no checkpoint needs."""

    def __init__(self, path: object, offender: str) -> None:
        super().__init__(f"{path} asks to import {offender}, which a checkpoint never needs")
        self.offender = offender


class UnmappedSoundError(EngineError):
    """No phoneme of the symbol table is chosen for a sound in IPA."""

    def __init__(self, symbol: str) -> None:
        super().__init__(f"no phonemes are chosen for the sound {symbol!r}")
        self.symbol = symbol


class MissingDependencyError(EngineError):
    """Something that must be installed is not there; the message says how to get it."""

    def __init__(self, what: str, how: str) -> None:
        super().__init__(f"{what} is not installed: {how}")


class ModelError(EngineError):
    """The models, or a library under them, failed; the cause is their fault."""


class SynthesisError(EngineError):
    """The models produced no usable speech for this text."""


class ReadingError(SynthesisError):
    """A front end, or a library that it reads by, failed on a text."""

    def __init__(self, language: str, fault: Exception) -> None:
        super().__init__(
            f"this text cannot be read: what reads {language} failed with "
            f"{type(fault).__name__}; leave out what is unusual in it"
        )
