"""Turns every exception into a status with details: the one translator.

What callers may learn stands in the catalogue of `backend.errors`. Faults of the server reach
them as INTERNAL with the id under which the log has the traceback.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import grpc
import grpc.aio
from google.protobuf.message import Message
from google.rpc import error_details_pb2, status_pb2

from backend.errors import DOMAIN, Entry, VoiceNotFoundError, entry_for, violated_field
from backend.interceptors.around import AroundInterceptor, Context
from backend.request import RequestRecord, current_request

logger = logging.getLogger(__name__)

DETAILS_KEY = "grpc-status-details-bin"
# A status travels in headers, of which clients take 8 KiB; a character may need 9 bytes there.
LONGEST_MESSAGE, SHOWN_HEAD, SHOWN_TAIL = 300, 180, 100


class ErrorsInterceptor(AroundInterceptor):
    """Ends an RPC that raised with the status that the catalogue has for it."""

    @asynccontextmanager
    async def around(
        self, details: grpc.HandlerCallDetails, context: Context
    ) -> AsyncIterator[None]:
        """Translate what is raised inside."""
        try:
            yield
        except grpc.aio.AbortError:
            raise
        except Exception as error:
            await _abort(context, error)


async def _abort(context: Context, error: Exception) -> None:
    record = current_request()
    entry = entry_for(error)
    record.reason = entry.reason
    if not entry.public:
        logger.error("request %s failed", record.request_id, exc_info=error)
    status = to_status(error, entry, record)
    trailers = ((DETAILS_KEY, status.SerializeToString()),)
    await context.abort(entry.code, status.message, trailers)


def to_status(error: Exception, entry: Entry, record: RequestRecord) -> status_pb2.Status:
    """Return the rich status of `error`: ErrorInfo, RequestInfo and what else fits."""
    own = str(error) if entry.public else _general_message(record)
    message = _shortened(entry.message or own)
    status = status_pb2.Status(code=entry.code.value[0], message=message)
    for detail in _details(error, entry, record, message):
        status.details.add().Pack(detail)
    return status


def _shortened(message: str) -> str:
    """The message without its middle if it is long: callers' values stand in there."""
    if len(message) <= LONGEST_MESSAGE:
        return message
    return f"{message[:SHOWN_HEAD]} … {message[-SHOWN_TAIL:]}"


def _general_message(record: RequestRecord) -> str:
    return f"internal error; the server's log has it under request {record.request_id}"


def _details(error: Exception, entry: Entry, record: RequestRecord, message: str) -> list[Message]:
    info = error_details_pb2.ErrorInfo(reason=entry.reason, domain=DOMAIN)
    if isinstance(error, VoiceNotFoundError):
        info.metadata["known_voices"] = ",".join(error.known)
    details: list[Message] = [
        info,
        error_details_pb2.RequestInfo(request_id=record.request_id),
    ]
    field = violated_field(error, record.field_root, record.field_paths)
    if field:
        violation = error_details_pb2.BadRequest.FieldViolation(
            field=field, description=message, reason=entry.reason
        )
        details.append(error_details_pb2.BadRequest(field_violations=[violation]))
    retry_after_s = getattr(error, "retry_after_s", None)
    if retry_after_s is not None:
        retry = error_details_pb2.RetryInfo()
        retry.retry_delay.FromMilliseconds(round(retry_after_s * 1000))
        details.append(retry)
    return details
