"""Pages of a list. A token tells which voice the page before ended with."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence

from backend.errors import InvalidFieldError
from backend.voices.library import VoiceInfo

DEFAULT_PAGE_SIZE = 100
MAX_PAGE_SIZE = 1000


def cut_page(
    voices: Sequence[VoiceInfo], page_size: int, page_token: str
) -> tuple[Sequence[VoiceInfo], str]:
    """Return the page after `page_token` of voices ordered by id, and the next token.

    Voices that come or go between two pages are neither repeated nor skipped for it.

    Raises:
        InvalidFieldError: the size is negative or the token is none of ours.
    """
    if page_size < 0:
        raise InvalidFieldError("page_size", f"{page_size} is negative")
    last = _last_id(page_token)
    rest = [voice for voice in voices if voice.voice_id > last]
    page = rest[: min(page_size or DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE)]
    return page, _token(page[-1].voice_id) if len(page) < len(rest) else ""


def _token(voice_id: str) -> str:
    return base64.urlsafe_b64encode(voice_id.encode()).decode()


def _last_id(token: str) -> str:
    try:
        return base64.b64decode(token, altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError) as error:
        raise InvalidFieldError("page_token", "take it from the page before") from error
