"""Lets in only callers with a known key."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

import grpc

from backend.errors import KeyInvalidError, KeyMissingError
from backend.interceptors.around import AroundInterceptor, Context
from backend.request import current_request

_BEARER = "bearer "


class ApiKeyInterceptor(AroundInterceptor):
    """Checks `authorization: Bearer KEY` or `x-api-key: KEY`; without keys all may enter.

    Keys are held as digests, and a check takes as long whichever of them fits.
    """

    def __init__(self, keys: Iterable[str]) -> None:
        self._digests = [_digest(key) for key in keys]

    @asynccontextmanager
    async def around(
        self, details: grpc.HandlerCallDetails, context: Context
    ) -> AsyncIterator[None]:
        """Check the key before anything else runs.

        Raises:
            KeyMissingError: no key was sent.
            KeyInvalidError: the key is not one of ours.
        """
        if self._digests:
            key = _sent_key(context)
            self._check(key)
            current_request().caller = _digest(key).hex()[:12]
        yield

    def _check(self, key: str) -> None:
        if not key:
            raise KeyMissingError
        digest = _digest(key)
        fits = [hmac.compare_digest(digest, known) for known in self._digests]
        if not any(fits):
            raise KeyInvalidError


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode()).digest()


def _sent_key(context: Context) -> str:
    metadata = dict(context.invocation_metadata() or ())
    bearer = str(metadata.get("authorization", ""))
    if bearer.lower().startswith(_BEARER):
        return bearer[len(_BEARER) :].strip()
    return str(metadata.get("x-api-key", "")).strip()
