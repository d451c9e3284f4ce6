"""Errors of the plugin, and the one place that reads a gRPC status.

TtsError
├── ConnectionFailedError    the server cannot be reached, or fell silent
├── ServerFailedError        the server answered with a fault of its own
├── OverloadedError          the server has too much to do
├── AuthorizationError       the API key is missing or wrong
└── RequestError             the request is at fault; trying again changes nothing
    ├── SettingError         a field of the credential form
    ├── VoiceUnknownError    no such voice; the message lists those there are
    └── NothingToSayError    the text has nothing that can be spoken

Messages are read by the person at the other end, so each says what to do. None holds the API
key: Dify passes on not only the message but the traceback too.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import grpc
from google.protobuf.message import DecodeError
from google.rpc import error_details_pb2, status_pb2

ERROR_DOMAIN = "tts.gptsovits"
DETAIL_CHARACTERS = 400


class TtsError(Exception):
    """Base of all errors that the plugin raises on purpose.

    `retry_after_s` says that the same call may succeed that many seconds later; None that it
    will not, or that nobody knows.
    """

    def __init__(self, message: str, *, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class ConnectionFailedError(TtsError):
    """The server cannot be reached, or fell silent."""


class ServerFailedError(TtsError):
    """The server answered with a fault of its own."""


class OverloadedError(TtsError):
    """The server has too much to do."""


class AuthorizationError(TtsError):
    """The API key is missing or wrong."""


class RequestError(TtsError):
    """The request is at fault; trying again changes nothing."""


class SettingError(RequestError):
    """A field of the credential form is missing or wrong; `field` is its variable."""

    def __init__(self, field_name: str, message: str) -> None:
        super().__init__(message)
        self.field = field_name


class VoiceUnknownError(RequestError):
    """No voice has this name."""


class NothingToSayError(RequestError):
    """The text has nothing that can be spoken."""


@dataclass(frozen=True, slots=True)
class Fault:
    """What a failed call says: the status, the server's words, and the published reason."""

    code: grpc.StatusCode
    detail: str
    reason: str = ""
    metadata: dict[str, str] = field(default_factory=dict)
    retry_after_s: float | None = None


def read_fault(error: grpc.RpcError, secret: str = "") -> Fault:
    """Return what `error` says, without `secret` should the server repeat it."""
    code = error.code() if isinstance(error, grpc.Call) else grpc.StatusCode.UNKNOWN
    detail = (error.details() or "") if isinstance(error, grpc.Call) else type(error).__name__
    fault = Fault(code=code, detail=_clean(detail, secret))
    status = _rich_status(error)
    return fault if status is None else _with_details(fault, status, secret)


def translate(fault: Fault, address: str) -> TtsError:
    """Return the error that `fault` is to the caller; `address` names the server in it."""
    by_reason = _REASONS.get(fault.reason)
    kind, advice = by_reason if by_reason is not None else _STATUSES.get(fault.code, _UNEXPECTED)
    known = fault.metadata.get("known_voices", "").replace("voices/", "")
    message = advice.format(address=address, detail=fault.detail, known=known or "none")
    return kind(message, retry_after_s=_retry_after_s(fault))


def _retry_after_s(fault: Fault) -> float | None:
    if fault.code is grpc.StatusCode.UNAVAILABLE:
        return fault.retry_after_s if fault.retry_after_s is not None else 0.0
    if fault.code is grpc.StatusCode.RESOURCE_EXHAUSTED:
        return fault.retry_after_s
    return None


def _clean(text: str, secret: str) -> str:
    if secret:
        text = text.replace(secret, "(key)")
    return text[:DETAIL_CHARACTERS].rstrip(". ")


def _rich_status(error: grpc.RpcError) -> status_pb2.Status | None:
    if not isinstance(error, grpc.Call):
        return None
    for key, value in error.trailing_metadata() or ():
        if key == "grpc-status-details-bin":
            return _parse_status(value)
    return None


def _parse_status(value: str | bytes) -> status_pb2.Status | None:
    try:
        return status_pb2.Status.FromString(value if isinstance(value, bytes) else value.encode())
    except DecodeError:  # a proxy's idea of a status: the plain one stands
        return None


def _with_details(fault: Fault, status: status_pb2.Status, secret: str) -> Fault:
    info, retry = error_details_pb2.ErrorInfo(), error_details_pb2.RetryInfo()
    reason, metadata, retry_after_s = "", {}, None
    for detail in status.details:
        if detail.Unpack(info) and info.domain == ERROR_DOMAIN:
            reason = info.reason
            metadata = {key: _clean(value, secret) for key, value in info.metadata.items()}
        elif detail.Unpack(retry):
            retry_after_s = retry.retry_delay.ToTimedelta().total_seconds()
    return Fault(fault.code, fault.detail, reason, metadata, retry_after_s)


type _Entry = tuple[type[TtsError], str]

_UNEXPECTED: _Entry = (
    ServerFailedError,
    "The speech server at {address} failed: {detail}. Its log has the cause.",
)
_UNREACHABLE: _Entry = (
    ConnectionFailedError,
    "The speech server at {address} cannot be reached ({detail}). Check that it runs, that the "
    "address, port and TLS choice are right, and that Dify's plugin container can reach it: "
    "inside a container, localhost is the container itself.",
)
_TOO_SLOW: _Entry = (
    ConnectionFailedError,
    "The speech server at {address} did not finish in time. Try a shorter text, or raise the "
    "timeout in the model's settings.",
)
_BUSY: _Entry = (
    OverloadedError,
    "The speech server at {address} is busy ({detail}). Try again in a moment, or let it serve "
    "more streams at once.",
)
_REFUSED: _Entry = (
    AuthorizationError,
    "The speech server at {address} refused the API key ({detail}). Enter a key that the server "
    "knows in the model's settings.",
)
_BAD_REQUEST: _Entry = (RequestError, "The speech server refused the request: {detail}.")

_STATUSES: dict[grpc.StatusCode, _Entry] = {
    grpc.StatusCode.UNAVAILABLE: _UNREACHABLE,
    grpc.StatusCode.DEADLINE_EXCEEDED: _TOO_SLOW,
    grpc.StatusCode.RESOURCE_EXHAUSTED: _BUSY,
    grpc.StatusCode.UNAUTHENTICATED: _REFUSED,
    grpc.StatusCode.PERMISSION_DENIED: _REFUSED,
    grpc.StatusCode.INVALID_ARGUMENT: _BAD_REQUEST,
    grpc.StatusCode.NOT_FOUND: _BAD_REQUEST,
    grpc.StatusCode.ALREADY_EXISTS: _BAD_REQUEST,
    grpc.StatusCode.FAILED_PRECONDITION: _BAD_REQUEST,
    grpc.StatusCode.OUT_OF_RANGE: _BAD_REQUEST,
    grpc.StatusCode.UNIMPLEMENTED: (
        RequestError,
        "The server at {address} does not offer this call ({detail}). Check that the address is "
        "that of a GPT-SoVITS gRPC server of a matching version.",
    ),
}

_REASONS: dict[str, _Entry] = {
    "EMPTY_TEXT": (NothingToSayError, "The text has nothing that can be spoken."),
    "TEXT_TOO_LONG": (RequestError, "The text is too long: {detail}. Send it in parts."),
    "UNSUPPORTED_LANGUAGE": (
        RequestError,
        "The speech server does not read this language: {detail}. Choose another language in the "
        "model's settings.",
    ),
    "VOICE_NOT_FOUND": (
        VoiceUnknownError,
        "The speech server has no such voice: {detail}. Choose one of: {known}.",
    ),
    "KEY_MISSING": (
        AuthorizationError,
        "The speech server at {address} wants an API key. Enter one in the model's settings.",
    ),
    "KEY_INVALID": (
        AuthorizationError,
        "The speech server at {address} does not know this API key. Enter a key that it knows in "
        "the model's settings.",
    ),
    "VOICE_EXISTS": (
        RequestError,
        "The speech server has a voice with this id already: {detail}. Choose another id.",
    ),
    "INVALID_REFERENCE": (RequestError, "The recording cannot be used: {detail}."),
    "CONSENT_REQUIRED": (
        RequestError,
        "The speech server makes no voice without its speaker's recorded consent: {detail}.",
    ),
    "UPLOAD_TOO_LARGE": (
        RequestError,
        "The recording is too large: {detail}. Cut it to one or two clear sentences.",
    ),
    "SHUTTING_DOWN": (
        ConnectionFailedError,
        "The speech server at {address} is shutting down. Try again when it is back.",
    ),
    "SYNTHESIS_FAILED": (
        ServerFailedError,
        "The speech server made no usable speech of this text: {detail}. Try other words.",
    ),
}
