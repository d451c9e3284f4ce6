"""Errors of the backend, and the one catalogue of what callers see of any error.

BackendError
├── InvalidFieldError          a field of the request is missing or wrong
├── VoiceNotFoundError
├── VoiceExistsError
├── VoiceBuiltinError
├── ConsentRequiredError
├── UploadTooLargeError
├── UploadTimeoutError         an upload took too long
├── KeyMissingError
├── KeyInvalidError
├── OverloadedError            the queue is full
├── DeadlineUnreachableError   the caller's deadline is too soon
├── StreamIdleError            nothing was written to an open stream
├── ShuttingDownError
├── EngineStoppedError         the engine thread has died
├── StorageError               the disk or the database refuses
└── ConfigurationError         the settings contradict each other; the server does not start
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import grpc
from google.protobuf.message import DecodeError

from engine import errors as engine_errors

DOMAIN = "tts.gptsovits"


class BackendError(Exception):
    """Base of all errors that the backend raises on purpose."""


class InvalidFieldError(BackendError):
    """`field` of the request is missing or wrong; the message says what would be right."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}")
        self.field = field


class VoiceNotFoundError(BackendError):
    """No voice has this name; `known` lists some that exist."""

    def __init__(self, name: str, known: Iterable[str]) -> None:
        super().__init__(f"no voice is named {name!r}")
        self.known = tuple(known)


class VoiceExistsError(BackendError):
    """A voice has this id already."""

    def __init__(self, voice_id: str) -> None:
        super().__init__(
            f"a voice with the id {voice_id!r} exists already: choose another id, or delete it"
        )


class VoiceBuiltinError(BackendError):
    """The voice came with a bundle and cannot be deleted."""

    def __init__(self, voice_id: str) -> None:
        super().__init__(f"voice {voice_id!r} came with the bundle and cannot be deleted")


class ConsentRequiredError(BackendError):
    """No usable recorded consent came with the voice."""


class UploadTooLargeError(BackendError):
    """An upload is larger than the limit."""

    def __init__(self, what: str, limit_bytes: int) -> None:
        super().__init__(f"the {what} is larger than the limit of {limit_bytes} bytes: cut it")


class UploadTimeoutError(BackendError):
    """An upload was not complete in time."""

    def __init__(self, limit_s: float) -> None:
        super().__init__(
            f"the upload was not complete after {limit_s:.0f} s: send it faster, and close the "
            "stream behind its last message"
        )


class KeyMissingError(BackendError):
    """No key was sent."""

    def __init__(self) -> None:
        super().__init__("send an API key as `authorization: Bearer KEY` or `x-api-key: KEY`")


class KeyInvalidError(BackendError):
    """The key that was sent is not known."""

    def __init__(self) -> None:
        super().__init__("the API key is not known: send one of the server's GPTSOVITS_API_KEYS")


class OverloadedError(BackendError):
    """All streams are taken and the queue is full; come back after `retry_after_s`."""

    def __init__(self, streams: int, retry_after_s: float) -> None:
        super().__init__(f"the server already has {streams} requests at work or waiting")
        self.retry_after_s = retry_after_s


class DeadlineUnreachableError(BackendError):
    """The sound cannot be made in the time that is left; come back after `retry_after_s`."""

    def __init__(self, needed_s: float, left_s: float, retry_after_s: float) -> None:
        super().__init__(
            f"this takes about {needed_s:.1f} s at the measured speed, and the deadline is in "
            f"{left_s:.1f} s"
        )
        self.retry_after_s = retry_after_s


class StreamIdleError(BackendError):
    """An open stream had nothing to say for too long."""

    def __init__(self, idle_s: float) -> None:
        super().__init__(f"nothing was written for {idle_s:g} s, and nothing was left to say")


class ShuttingDownError(BackendError):
    """The server takes no new work, because it is about to end."""

    retry_after_s = 5.0

    def __init__(self) -> None:
        super().__init__("the server is shutting down")


class EngineStoppedError(BackendError):
    """The engine thread has ended by a fault; nothing can be synthesized any more."""

    def __init__(self) -> None:
        super().__init__("the engine has stopped")


class StorageError(BackendError):
    """The data folder cannot be written or read: it is full, damaged or not ours."""

    def __init__(self, what: str, cause: object) -> None:
        super().__init__(f"{what} ({cause}): the server's disk may be full, damaged or read-only")


class ConfigurationError(BackendError):
    """The settings cannot work together; the message says how to mend them."""


@dataclass(frozen=True, slots=True)
class Entry:
    """What callers see of a kind of error.

    `public` says whether its own message may be shown, and is all there is to know of it: other
    errors go to the log. `message` is shown instead, or else a general one.
    """

    code: grpc.StatusCode
    reason: str
    message: str = ""
    public: bool = True


_CODE = grpc.StatusCode
_MALFORMED = "the request cannot be read: its text must be UTF-8, its fields those of this API"
_STORAGE = "the server cannot use its storage: its disk may be full; its log has the cause"

INTERNAL = Entry(_CODE.INTERNAL, "INTERNAL", public=False)

CATALOGUE: Mapping[type[Exception], Entry] = MappingProxyType(
    {
        InvalidFieldError: Entry(_CODE.INVALID_ARGUMENT, "INVALID_FIELD"),
        VoiceNotFoundError: Entry(_CODE.NOT_FOUND, "VOICE_NOT_FOUND"),
        VoiceExistsError: Entry(_CODE.ALREADY_EXISTS, "VOICE_EXISTS"),
        VoiceBuiltinError: Entry(_CODE.FAILED_PRECONDITION, "VOICE_BUILTIN"),
        ConsentRequiredError: Entry(_CODE.FAILED_PRECONDITION, "CONSENT_REQUIRED"),
        UploadTooLargeError: Entry(_CODE.RESOURCE_EXHAUSTED, "UPLOAD_TOO_LARGE"),
        UploadTimeoutError: Entry(_CODE.DEADLINE_EXCEEDED, "DEADLINE_EXCEEDED"),
        DecodeError: Entry(_CODE.INVALID_ARGUMENT, "MALFORMED_MESSAGE", _MALFORMED),
        KeyMissingError: Entry(_CODE.UNAUTHENTICATED, "KEY_MISSING"),
        KeyInvalidError: Entry(_CODE.UNAUTHENTICATED, "KEY_INVALID"),
        OverloadedError: Entry(_CODE.RESOURCE_EXHAUSTED, "OVERLOADED"),
        DeadlineUnreachableError: Entry(_CODE.RESOURCE_EXHAUSTED, "DEADLINE_UNREACHABLE"),
        StreamIdleError: Entry(_CODE.ABORTED, "STREAM_IDLE"),
        StorageError: Entry(_CODE.INTERNAL, "STORAGE_FAILED", _STORAGE, public=False),
        ShuttingDownError: Entry(_CODE.UNAVAILABLE, "SHUTTING_DOWN"),
        engine_errors.InputError: Entry(_CODE.INVALID_ARGUMENT, "INVALID_FIELD"),
        engine_errors.EmptyTextError: Entry(_CODE.INVALID_ARGUMENT, "EMPTY_TEXT"),
        engine_errors.UnreadableTextError: Entry(_CODE.INVALID_ARGUMENT, "UNSUPPORTED_LANGUAGE"),
        engine_errors.TextTooLongError: Entry(_CODE.INVALID_ARGUMENT, "TEXT_TOO_LONG"),
        engine_errors.UnsupportedLanguageError: Entry(
            _CODE.INVALID_ARGUMENT, "UNSUPPORTED_LANGUAGE"
        ),
        engine_errors.MissingDependencyError: Entry(  # what the language is read by
            _CODE.INVALID_ARGUMENT, "UNSUPPORTED_LANGUAGE"
        ),
        engine_errors.ReferenceAudioError: Entry(_CODE.INVALID_ARGUMENT, "INVALID_REFERENCE"),
        engine_errors.SynthesisError: Entry(_CODE.INTERNAL, "SYNTHESIS_FAILED"),
    }
)


def entry_for(error: BaseException) -> Entry:
    """Return the entry of the nearest listed class of `error`, else `INTERNAL`."""
    for kind in type(error).__mro__:
        if kind in CATALOGUE:
            return CATALOGUE[kind]
    return INTERNAL


def violated_field(
    error: BaseException, root: str, paths: Mapping[str, str] = MappingProxyType({})
) -> str:
    """Return the path of the request's field that is at fault, or an empty string.

    The engine names fields of its own request; `root` is where they lie in the caller's, but for
    those that `paths` has.
    """
    if isinstance(error, InvalidFieldError):
        return error.field
    if isinstance(error, engine_errors.InputError) and error.field:
        return paths.get(error.field) or (f"{root}.{error.field}" if root else error.field)
    return ""
