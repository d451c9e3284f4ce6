"""The base of our interceptors: an async context manager around each RPC.

gRPC has four kinds of handlers; this file knows them, the interceptors do not. Only methods
of our own package are surrounded: health and reflection stay open and plain.
"""

from __future__ import annotations

import functools
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, aclosing
from typing import Any

import grpc
import grpc.aio

OUR_PREFIX = "/gptsovits."

type Context = grpc.aio.ServicerContext[Any, Any]
type Surrounding = Callable[[Context], AbstractAsyncContextManager[None]]
type Handler = grpc.RpcMethodHandler[Any, Any]


class HandlerInterceptor(grpc.aio.ServerInterceptor):
    """Changes the handlers of our methods."""

    def changed(self, handler: Handler, details: grpc.HandlerCallDetails) -> Handler:
        """Return what takes the place of a handler."""
        raise NotImplementedError

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Handler]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Handler:
        """Return the handler of the method, changed if it is ours."""
        handler = await continuation(handler_call_details)
        if handler is None or not str(handler_call_details.method).startswith(OUR_PREFIX):
            return handler
        return self.changed(handler, handler_call_details)


class AroundInterceptor(HandlerInterceptor):
    """Runs each RPC of ours inside `around`."""

    def around(
        self, details: grpc.HandlerCallDetails, context: Context
    ) -> AbstractAsyncContextManager[None]:
        """Return what surrounds the RPC; an exception raised here ends it."""
        raise NotImplementedError

    def changed(self, handler: Handler, details: grpc.HandlerCallDetails) -> Handler:
        """Return the handler, surrounded."""
        return _surround(handler, functools.partial(self.around, details))


def _surround(handler: Handler, around: Surrounding) -> Handler:
    codec = {
        "request_deserializer": handler.request_deserializer,
        "response_serializer": handler.response_serializer,
    }
    if handler.unary_unary is not None:
        return grpc.unary_unary_rpc_method_handler(_single(handler.unary_unary, around), **codec)
    if handler.stream_unary is not None:
        return grpc.stream_unary_rpc_method_handler(_single(handler.stream_unary, around), **codec)
    if handler.unary_stream is not None:
        return grpc.unary_stream_rpc_method_handler(_many(handler.unary_stream, around), **codec)
    assert handler.stream_stream is not None  # the only kind that is left
    return grpc.stream_stream_rpc_method_handler(_many(handler.stream_stream, around), **codec)


def _single(behavior: Callable[..., Any], around: Surrounding) -> Callable[..., Any]:
    async def call(request: object, context: Context) -> object:
        async with around(context):
            return await behavior(request, context)

    return call


def _many(behavior: Callable[..., Any], around: Surrounding) -> Callable[..., Any]:
    async def call(request: object, context: Context) -> AsyncIterator[object]:
        async with around(context), aclosing(behavior(request, context)) as responses:
            async for response in responses:
                yield response

    return call
