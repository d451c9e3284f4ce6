"""Errors of the plugin.

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


class TtsError(Exception):
    """Base of all errors that the plugin raises on purpose.

    `retry_after_s` says that the same call may succeed that many seconds later; None that it
    will not, or that nobody knows. `cause` is what the connection or the server said, in short.
    """

    def __init__(
        self, message: str, *, retry_after_s: float | None = None, cause: str = ""
    ) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s
        self.cause = cause


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
