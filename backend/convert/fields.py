"""What reading any message needs: checked numbers, resource names, durations."""

from __future__ import annotations

from collections.abc import Mapping

from google.protobuf.duration_pb2 import Duration

from backend.errors import InvalidFieldError

VOICE_PREFIX = "voices/"


def to_voice_id(name: str, field: str) -> str:
    """Return the id in a resource name `voices/{id}`.

    Raises:
        InvalidFieldError: `name` is not of this form.
    """
    prefix, voice_id = name[: len(VOICE_PREFIX)], name[len(VOICE_PREFIX) :]
    if prefix != VOICE_PREFIX or not voice_id or "/" in voice_id:
        raise InvalidFieldError(field, f"{name[:80]!r} is not of the form `voices/{{id}}`")
    return voice_id


def to_duration(seconds: float) -> Duration:
    """Return a duration message."""
    duration = Duration()
    duration.FromNanoseconds(round(seconds * 1e9))
    return duration


def known[T](values: Mapping[int, T], number: int, field: str) -> T:
    """Return what the number of an enum stands for.

    Raises:
        InvalidFieldError: it stands for nothing.
    """
    if number not in values:
        raise InvalidFieldError(field, f"{number} is not one of {', '.join(map(str, values))}")
    return values[number]


def check_range(field: str, value: float, low: float, high: float) -> None:
    """Refuse a value outside of its range, and what is no number.

    Raises:
        InvalidFieldError: with the range.
    """
    if not low <= value <= high:
        raise InvalidFieldError(field, f"{value:g} is not within {low:g} and {high:g}")
