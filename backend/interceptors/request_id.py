"""Gives every RPC an id: the caller's own if it is a sane one, else a fresh one."""

from __future__ import annotations

import re
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import grpc

from backend.interceptors.around import AroundInterceptor, Context
from backend.request import RequestRecord, begin_request

KEY = "x-request-id"
_SANE = re.compile(r"[A-Za-z0-9_.-]{1,64}")


class RequestIdInterceptor(AroundInterceptor):
    """Begins the request's record and tells the caller its id in the initial metadata."""

    @asynccontextmanager
    async def around(
        self, details: grpc.HandlerCallDetails, context: Context
    ) -> AsyncIterator[None]:
        """Begin the record; everything inside finds it by `current_request`."""
        wanted = dict(context.invocation_metadata() or ()).get(KEY, "")
        sane = isinstance(wanted, str) and _SANE.fullmatch(wanted)
        request_id = str(wanted) if sane else uuid.uuid4().hex
        begin_request(RequestRecord(request_id, str(details.method)))
        await context.send_initial_metadata(((KEY, request_id),))
        yield
