"""Writes one line for every RPC: who spoke, how much and how fast; never what."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import grpc

from backend.interceptors.around import AroundInterceptor, Context
from backend.request import RequestRecord, current_request

logger = logging.getLogger(__name__)


class LoggingInterceptor(AroundInterceptor):
    """Logs an RPC at its end, however it ends."""

    @asynccontextmanager
    async def around(
        self, details: grpc.HandlerCallDetails, context: Context
    ) -> AsyncIterator[None]:
        """Log when the RPC is over."""
        outcome = "CANCELLED"  # a caller that goes away raises no Exception in here
        try:
            yield
            outcome = "OK"
        except grpc.aio.AbortError:
            outcome = current_request().reason
            raise
        finally:
            logger.info("%s", describe(current_request(), outcome))


def describe(record: RequestRecord, outcome: str) -> str:
    """Return the log line of a finished request."""
    line = (
        f"request={record.request_id} method={record.method.rpartition('/')[2]} "
        f"outcome={outcome} elapsed_ms={record.elapsed_s() * 1000:.0f}"
    )
    if record.voice:
        line += f" voice={record.voice} characters={record.characters}"
    if record.first_chunk_s is not None:
        line += f" audio_s={record.audio_s:.2f} first_chunk_ms={record.first_chunk_s * 1000:.0f}"
    if record.findings:
        line += " findings=" + ",".join(map(str, record.findings))
    factor = record.real_time_factor
    return line if factor is None else f"{line} rtf={factor:.3f}"
