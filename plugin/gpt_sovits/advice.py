"""What to tell people about a failed call: the error it is, and what they can do about it."""

from __future__ import annotations

import re
from types import MappingProxyType

import grpc

from plugin.gpt_sovits.endpoint import Tls
from plugin.gpt_sovits.errors import (
    AuthorizationError,
    ConnectionFailedError,
    NothingToSayError,
    OverloadedError,
    RequestError,
    ServerFailedError,
    TtsError,
    VoiceUnknownError,
)
from plugin.gpt_sovits.faults import Fault

# How gRPC begins to say that it tried an address, and what it met there.
_ATTEMPT = re.compile(r"^failed to connect to all addresses; last error: \w+: (ipv[46]:\S+: )?")


def translate(fault: Fault, address: str, tls: Tls = Tls.OFF) -> TtsError:
    """Return the error that `fault` is to the caller.

    `address` names the server in it, and `tls` is how the call tried to protect itself.
    """
    cause = _ATTEMPT.sub("", fault.detail)
    in_words = _by_words(fault)
    entry = _REASONS.get(fault.reason) or in_words
    kind, advice = entry or _STATUSES.get(fault.code, _UNEXPECTED)
    known = fault.metadata.get("known_voices", "").replace("voices/", "").split(",")
    names = ", ".join(filter(None, map(str.strip, known)))
    filled_in = {"address": address, "known": names or "none", "tls": _HUNG_UP[tls]}
    message = advice.format(detail=cause, **filled_in)
    lasting = in_words not in (None, _HANGS_UP, _NAMELESS)
    return kind(message, retry_after_s=None if lasting else _retry_after_s(fault), cause=cause)


def _by_words(fault: Fault) -> _Entry | None:
    """Return the entry of a fault that gRPC itself tells from others in words alone."""
    words = _WORDS.get(fault.code, {})
    return next((entry for part, entry in words.items() if part in fault.detail), None)


def _retry_after_s(fault: Fault) -> float | None:
    if fault.code is grpc.StatusCode.UNAVAILABLE:
        return fault.retry_after_s if fault.retry_after_s is not None else 0.0
    if fault.code is grpc.StatusCode.RESOURCE_EXHAUSTED:
        return fault.retry_after_s
    return None


type _Entry = tuple[type[TtsError], str]

_UNEXPECTED: _Entry = (
    ServerFailedError,
    "The speech server at {address} failed: {detail}. See its log for the cause.",
)
_UNREACHABLE: _Entry = (
    ConnectionFailedError,
    "The speech server at {address} cannot be reached ({detail}). Check that it runs, that the "
    "address, port and TLS choice are right, and that Dify's plugin container can reach it: "
    "inside a container, localhost is the container itself.",
)
_TOO_SLOW: _Entry = (
    ConnectionFailedError,
    "The speech server at {address} did not answer in time. See whether it is overloaded, and "
    "send a long text in parts.",
)
_BUSY: _Entry = (
    OverloadedError,
    "The speech server at {address} is busy ({detail}). Try again in a moment, or let it serve "
    "more streams at once.",
)
_REFUSED: _Entry = (
    AuthorizationError,
    "The speech server at {address} refused the API key ({detail}). Enter a key that the server "
    "knows in the settings.",
)
_BAD_REQUEST: _Entry = (
    RequestError,
    "The speech server refused the request: {detail}. Change that, and try again.",
)

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
    "EMPTY_TEXT": (
        NothingToSayError,
        "The text has nothing that can be spoken. Send one that has words.",
    ),
    "TEXT_TOO_LONG": (RequestError, "The text is too long: {detail}. Send it in parts."),
    "UNSUPPORTED_LANGUAGE": (
        RequestError,
        "The speech server does not read this language: {detail}. Choose another language.",
    ),
    "VOICE_NOT_FOUND": (
        VoiceUnknownError,
        "The speech server has no such voice: {detail}. Choose one of: {known}.",
    ),
    "KEY_MISSING": (
        AuthorizationError,
        "The speech server at {address} wants an API key. Enter one in the settings.",
    ),
    "KEY_INVALID": (
        AuthorizationError,
        "The speech server at {address} does not know this API key. Enter a key that it knows in "
        "the settings.",
    ),
    "VOICE_EXISTS": (
        RequestError,
        "The speech server has this id already: {detail}. Leave it empty to have one made up.",
    ),
    "INVALID_REFERENCE": (
        RequestError,
        "The recording cannot be used: {detail}. Choose another one of one clear voice.",
    ),
    "CONSENT_REQUIRED": (
        RequestError,
        "The speech server makes no voice without its speaker's recorded consent: {detail}. "
        "See that its recording and its words are there.",
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

# A server says nothing when it hangs up in a handshake, so what it meant is guessed.
_WANTS_CERTIFICATE = (
    "the server may want a client's certificate. If so choose TLS both ways (mTLS), and paste the "
    "certificate and its private key."
)
_HUNG_UP = MappingProxyType(
    {
        Tls.OFF: "it is off, and the server may speak TLS.",
        Tls.PUBLIC: _WANTS_CERTIFICATE,
        Tls.OWN_CA: _WANTS_CERTIFICATE,
        Tls.MUTUAL: "the server may not accept the client's certificate. It must be of the "
        "authority that the server asks for (its GPTSOVITS_TLS_CLIENT_CA), and not have expired.",
    }
)

_HANGS_UP: _Entry = (
    ConnectionFailedError,
    "The speech server at {address} hangs up at once ({detail}). Check the TLS choice: {tls}",
)
_MISNAMED: _Entry = (
    ConnectionFailedError,
    "The speech server at {address} shows a certificate for another name. Enter the address by a "
    "name that stands in the certificate.",
)
_NOT_GRPC: _Entry = (
    ConnectionFailedError,
    "The server at {address} speaks HTTP and no gRPC. Enter the address and port of the speech "
    "server of this plugin's project (50051 by default); other servers of GPT-SoVITS speak HTTP.",
)
_NAMELESS: _Entry = (  # Docker forgets the name of a container that is not running
    ConnectionFailedError,
    "The name in the speech server's address {address} is not known to Dify's plugin container. "
    "Check it, or enter the machine's number in the network; on Linux, host.docker.internal needs "
    "an entry in Dify's docker-compose.override.yaml.",
)
_UNUSABLE: _Entry = (
    ConnectionFailedError,
    "The certificates or the private key of the TLS choice cannot be used: one is damaged, or the "
    "key belongs to another certificate. Paste the files again.",
)

# Not statuses of the server but of gRPC on this side, so all else that tells them apart is words.
_WORDS: dict[grpc.StatusCode, dict[str, _Entry]] = {
    grpc.StatusCode.UNAVAILABLE: {
        "errors resolving": _NAMELESS,
        "DNS resolution failed": _NAMELESS,
        "WRONG_VERSION_NUMBER": (
            ConnectionFailedError,
            "The speech server at {address} does not speak TLS, and the settings have it on: the "
            "TLS choice must be off, or the server needs a certificate.",
        ),
        "CERTIFICATE_VERIFY_FAILED": (
            ConnectionFailedError,
            "The speech server at {address} shows a certificate that is not trusted ({detail}). "
            "Where your own authority issued it, make that the TLS choice and paste the "
            "authority's certificate; see that it has not expired.",
        ),
        "not in peer certificate": _MISNAMED,
        "Hostname Verification Check failed": _MISNAMED,  # the same of newer grpcio
        "empty address list": _UNUSABLE,
        "Failed to create security handshaker": _UNUSABLE,  # the same of newer grpcio
        "http1.x server": _NOT_GRPC,
        "got frame type 0": _HANGS_UP,  # so an alert of TLS looks
        "Expected SETTINGS frame": _NOT_GRPC,
        "last error: UNAVAILABLE: ": _HANGS_UP,
    },
    grpc.StatusCode.RESOURCE_EXHAUSTED: {
        "larger than max": (
            RequestError,
            "The text or its sound is too large for one call ({detail}). Send the text in parts.",
        ),
    },
}
