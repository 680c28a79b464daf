"""What is the same for every RPC: the check of the request, who calls, and what becomes of a refusal or a fault."""

from __future__ import annotations

import asyncio
import contextlib
import functools
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from typing import Any, Protocol, TypeVar

import grpc
from google.protobuf.message import Message

from holdfast_server.edge.caller import Caller, caller_of
from holdfast_server.edge.decoding import refuse_undecodable
from holdfast_server.edge.errors import DEFAULT_MAX_DETAILS_BYTES, abort, status_of, status_of_fault
from holdfast_server.edge.validation import violations_of
from holdfast_server.refusals import InvalidField, Refusal
from holdfast_server.settings import Settings


class _Servicer(Protocol):
    settings: Settings


_Self = TypeVar("_Self", bound=_Servicer)
_Unary = Callable[[Any, Any, Caller], Awaitable[Message]]
_Streaming = Callable[[Any, Any, Caller], AsyncGenerator[Message]]
_Watching = Callable[
    [Any, Any, Caller, grpc.aio.ServicerContext], contextlib.AbstractAsyncContextManager[AsyncGenerator[bytes]]
]
_Response = TypeVar("_Response")


def unary(handler: _Unary) -> Callable[[Any, Any, grpc.aio.ServicerContext], Awaitable[Message]]:
    """Makes an RPC out of a handler that takes a checked request and the caller, and raises refusals."""

    @functools.wraps(handler)
    async def call(self: _Servicer, request: Any, context: grpc.aio.ServicerContext) -> Message:
        max_details_bytes = DEFAULT_MAX_DETAILS_BYTES
        try:
            refuse_undecodable(request)
            caller = caller_of(context)
            max_details_bytes = caller.max_details_bytes
            violations = violations_of(request, self.settings)
            if violations:
                raise InvalidField(violations)
            return await handler(self, request, caller)
        except asyncio.CancelledError:
            raise
        except Refusal as refusal:
            status = status_of(refusal, max_details_bytes=max_details_bytes)
        except Exception as error:
            status = status_of_fault(error, handler.__name__)
        return await abort(context, status)

    return call


def handler_of(servicer: Any, method: str) -> Callable[[Any, Caller], Awaitable[Any]]:
    """Returns what is behind a unary RPC: it takes a checked request and the caller, and raises refusals."""
    return functools.partial(getattr(type(servicer), method).__wrapped__, servicer)


def stream_of(servicer: Any, method: str, request: Any, caller: Caller) -> AsyncGenerator[Any]:
    """Returns what is behind a server-streaming RPC: it takes a checked request and the caller, and raises refusals."""
    responses: AsyncGenerator[Any] = getattr(type(servicer), method).__wrapped__(servicer, request, caller)
    return responses


def streaming(handler: _Streaming) -> Callable[[Any, Any, grpc.aio.ServicerContext], AsyncIterator[Message]]:
    """Makes a server-streaming RPC out of a handler that yields responses."""

    @functools.wraps(handler)
    async def call(self: _Servicer, request: Any, context: grpc.aio.ServicerContext) -> AsyncIterator[Message]:
        def begin(caller: Caller) -> AsyncGenerator[Message]:
            _check(request, self.settings)
            return handler(self, request, caller)

        async with contextlib.aclosing(_responses(begin, context, handler.__name__)) as responses:
            async for response in responses:
                yield response

    return call


def watching(handler: _Watching) -> Callable[[Any, Any, grpc.aio.ServicerContext], AsyncIterator[bytes]]:
    """Makes a server-streaming RPC out of a handler that opens a stream of packed responses.

    A thousand streams are told something at once: so their messages come through no more generators than must be.
    """

    @functools.wraps(handler)
    async def call(self: _Servicer, request: Any, context: grpc.aio.ServicerContext) -> AsyncIterator[bytes]:
        max_details_bytes = DEFAULT_MAX_DETAILS_BYTES
        try:
            caller = caller_of(context)
            max_details_bytes = caller.max_details_bytes
            _check(request, self.settings)
            async with handler(self, request, caller, context) as messages:
                async for message in messages:
                    yield message
            return
        except Refusal as refusal:
            status = status_of(refusal, max_details_bytes=max_details_bytes)
        except Exception as error:
            status = status_of_fault(error, handler.__name__)
        await abort(context, status)

    return call


def abandon(context: grpc.aio.ServicerContext, grace_seconds: float) -> Callable[[Refusal], None]:
    """Returns what ends a call of this task from outside, while it is stuck in writing a message.

    The status waits behind the message that is not taken. Whoever does not take that either within the grace loses the
    call: then nothing of it is left here.
    """
    stuck = asyncio.current_task()

    async def give_up(refusal: Refusal) -> None:
        with contextlib.suppress(TimeoutError, grpc.aio.AbortError, grpc.aio.BaseError, grpc.aio.UsageError):
            async with asyncio.timeout(grace_seconds):
                await abort(context, status_of(refusal))
        if stuck is not None:
            stuck.cancel()

    tasks: set[asyncio.Task[None]] = set()

    def begin(refusal: Refusal) -> None:
        if not tasks:
            tasks.add(asyncio.get_running_loop().create_task(give_up(refusal), name="give-up-watcher"))

    return begin


def conversing(handler: _Streaming) -> Callable[[Any, Any, grpc.aio.ServicerContext], AsyncIterator[Message]]:
    """Makes a bidirectional RPC out of a handler that takes the stream of requests and yields responses.

    The handler checks each request itself: what is wrong with one must not end the others.
    """

    @functools.wraps(handler)
    async def call(
        self: _Servicer, requests: AsyncIterator[Any], context: grpc.aio.ServicerContext
    ) -> AsyncIterator[Message]:
        def begin(caller: Caller) -> AsyncGenerator[Message]:
            return handler(self, _decoded(requests), caller)

        async with contextlib.aclosing(_responses(begin, context, handler.__name__)) as responses:
            async for response in responses:
                yield response

    return call


def _check(request: Any, settings: Settings) -> None:
    refuse_undecodable(request)
    violations = violations_of(request, settings)
    if violations:
        raise InvalidField(violations)


async def _decoded(requests: AsyncIterator[Any]) -> AsyncIterator[Any]:
    async for request in requests:
        refuse_undecodable(request)
        yield request


async def _responses(
    begin: Callable[[Caller], AsyncGenerator[_Response]], context: grpc.aio.ServicerContext, method: str
) -> AsyncGenerator[_Response]:
    """Yields what a handler yields. A stream that is given up closes the handler, and all that it has under way."""
    max_details_bytes = DEFAULT_MAX_DETAILS_BYTES
    try:
        caller = caller_of(context)
        max_details_bytes = caller.max_details_bytes
        async with contextlib.aclosing(begin(caller)) as responses:
            async for response in responses:
                yield response
        return
    except asyncio.CancelledError:
        raise
    except Refusal as refusal:
        status = status_of(refusal, max_details_bytes=max_details_bytes)
    except Exception as error:
        status = status_of_fault(error, method)
    await abort(context, status)
