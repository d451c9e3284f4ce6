"""Gives requests that cannot be read an answer; gRPC by itself calls them an unknown fault.

The innermost interceptor, so that the others surround the failure. gRPC reads a single request
before any handler runs; here its bytes come in as they are and are read inside of the handler.
Those of a stream are read one by one while the handler runs, and need nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import grpc

from backend.interceptors.around import Context, Handler, HandlerInterceptor


class MessagesInterceptor(HandlerInterceptor):
    """Reads the single requests of our methods."""

    def changed(self, handler: Handler, details: grpc.HandlerCallDetails) -> Handler:
        """Return a handler that reads its request itself."""
        return _reading(handler)


def _reading(handler: Handler) -> Handler:
    write = handler.response_serializer
    if handler.unary_unary is not None:
        answer = _reading_first(handler.unary_unary, handler.request_deserializer)
        return grpc.unary_unary_rpc_method_handler(answer, None, write)
    if handler.unary_stream is not None:
        answers = _reading_first(handler.unary_stream, handler.request_deserializer)
        return grpc.unary_stream_rpc_method_handler(answers, None, write)
    return handler


def _reading_first(
    behavior: Callable[..., Any], read: Callable[[bytes], Any] | None
) -> Callable[..., Any]:
    assert read is not None  # generated code gives one

    def answer(data: bytes, context: Context) -> object:
        return behavior(read(data), context)

    return answer
