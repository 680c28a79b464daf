"""Ways of calling: many at once with a bound, and again and again while the authority cannot answer."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import grpc

from api.refusals import Refusal, read_error
from api.shop import Stubs

Result = TypeVar("Result")

# A client that lost its server finds the next one within a fraction of a second.
CHANNEL_OPTIONS = [
    ("grpc.initial_reconnect_backoff_ms", 50),
    ("grpc.min_reconnect_backoff_ms", 50),
    ("grpc.max_reconnect_backoff_ms", 250),
]
# Long enough for a store to come back and the sequencer to be rebuilt on a slow machine.
PATIENCE_SECONDS = 60.0
PAUSE_SECONDS = 0.05


@asynccontextmanager
async def stubs_of(target: str, *more_options: tuple[str, int]) -> AsyncIterator[Stubs]:
    """The services of the server at the target, on a connection of their own."""
    options = [*CHANNEL_OPTIONS, ("grpc.use_local_subchannel_pool", 1), *more_options]
    async with grpc.aio.insecure_channel(target, options=options) as channel:
        yield Stubs(channel)


async def together(calls: Iterable[Awaitable[Result]]) -> list[Result]:
    """Makes all calls at once; every one must be answered."""
    return list(await asyncio.gather(*calls))


async def answer_or_refusal(call: Awaitable[Any]) -> Any | Refusal:
    """The answer, or the typed refusal as a value, for calls that may go either way."""
    try:
        return await call
    except grpc.aio.AioRpcError as error:
        return read_error(error)


async def patiently(method: Callable[..., Awaitable[Any]], request: Any) -> Any:
    """Asks again with the same request while the authority is unavailable, as its callers are told to.

    Any other refusal is raised.
    """
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            try:
                return await method(request, timeout=10)
            except grpc.aio.AioRpcError as error:
                # A deadline that runs out while a store is down leaves the outcome open, like UNAVAILABLE.
                open_ended = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED)
                if error.code() not in open_ended:
                    raise
                await asyncio.sleep(PAUSE_SECONDS)


async def until(condition: Callable[[], Awaitable[bool]], reason: str) -> None:
    """Polls for something that the server does by its own clock. The reason says what is waited for."""
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                if await condition():
                    return
                await asyncio.sleep(PAUSE_SECONDS)
    except TimeoutError:
        raise AssertionError(f"waited {PATIENCE_SECONDS:.0f} s in vain for {reason}") from None
