"""Carries requests to the authority: channels, deadlines, retries, metadata, and errors at one boundary.

Knows gRPC and nothing of the trade. Which path a request goes to follows from its type, because every RPC has
a request type of its own.
"""

import asyncio
import itertools
import random
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Iterator, Sequence
from typing import Any, Final, TypeVar, cast

import grpc
from google.protobuf import message as protobuf_message
from holdfast.inventory.v1 import (
    audit_service_pb2,
    catalog_service_pb2,
    inventory_service_pb2,
    reconciliation_service_pb2,
    subscription_service_pb2,
)

from holdfast_client import errors
from holdfast_client.policy import RetryPolicy, checked_deadline_seconds
from holdfast_client.trace_parent import current_trace_parent
from holdfast_client.tries import Tries

Response = TypeVar("Response", bound=protobuf_message.Message)
_Answer = TypeVar("_Answer")
_Told = TypeVar("_Told")

_PATHS: Final = {
    method.input_type.full_name: f"/{service.full_name}/{method.name}"
    for module in (
        inventory_service_pb2,
        catalog_service_pb2,
        reconciliation_service_pb2,
        audit_service_pb2,
        subscription_service_pb2,
    )
    for service in module.DESCRIPTOR.services_by_name.values()
    for method in service.methods
}

_STATUS_OF_A_FAILED_WRITE: Final = "Internal error from Core"
_SECONDS_FOR_A_STATUS: Final = 1.0
_LONGEST_ASKED_SECONDS: Final = 60.0

MAX_DETAILS_BYTES: Final = 256 * 1024
"""The details of a refusal that the client accepts: a thousand short lines with the longest ids fit."""

_CHANNEL_OPTIONS: Final[tuple[tuple[str, int], ...]] = (
    # Our own retries carry the request_id and stop at the deadline of the whole call; gRPC's would come on
    # top.
    ("grpc.enable_retries", 0),
    # A connection whose other end has vanished is noticed while a call waits on it, not when its deadline
    # passes.
    ("grpc.keepalive_time_ms", 10_000),
    ("grpc.keepalive_timeout_ms", 5_000),
    # A server that comes back is found within the time of a retry; gRPC's own wait would be minutes.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 2_000),
    # Channels of one target would otherwise share one connection.
    ("grpc.use_local_subchannel_pool", 1),
    # The authority is in the own network; a proxy for the web does not lead to it.
    ("grpc.enable_http_proxy", 0),
    # A refusal lists every short line in its trailing metadata; the client says so to the authority.
    ("grpc.max_metadata_size", MAX_DETAILS_BYTES + 8 * 1024),
    ("grpc.absolute_max_metadata_size", MAX_DETAILS_BYTES + 16 * 1024),
    # A page of a thousand long reservations is more than gRPC's 4 MiB.
    ("grpc.max_receive_message_length", 64 * 1024 * 1024),
)


def path_of(request: protobuf_message.Message) -> str:
    """The path of the RPC that takes this request."""
    return _PATHS[request.DESCRIPTOR.full_name]


class Calls:
    """The calls of one client, over its channels in turn.

    The channels are made at the first call, in the event loop of that call, and belong to that loop.
    """

    def __init__(
        self,
        target: str,
        *,
        metadata: Sequence[tuple[str, str]],
        retry: RetryPolicy,
        channel_count: int = 1,
        channel_credentials: grpc.ChannelCredentials | None = None,
        channel_options: Sequence[tuple[str, int | str]] = (),
        wait: Callable[[float], Awaitable[None]] = asyncio.sleep,
        draw: Callable[[float, float], float] = random.uniform,
    ) -> None:
        if channel_count < 1:
            raise ValueError("channel_count must be at least 1")
        self._target = target
        self._metadata = tuple(metadata)
        self._retry = retry
        self._channel_count = channel_count
        self._channel_credentials = channel_credentials
        self._channel_options = (*_CHANNEL_OPTIONS, *channel_options)
        self._wait = wait
        self._draw = draw
        self._turn: Iterator[_Channel] | None = None
        self._channels: list[_Channel] = []
        self._closed = False

    async def unary(
        self,
        request: protobuf_message.Message,
        response_type: type[Response],
        *,
        deadline_seconds: float,
        retry: RetryPolicy | None = None,
    ) -> Response:
        """Ask and wait for the answer, trying again after UNAVAILABLE with the very same request.

        `deadline_seconds` covers all tries and waits; each try gets what is left of it. If the task is
        cancelled, so is the call.

        Raises:
            HoldfastError: The last refusal, if no try was answered.
        """
        parse: Callable[[bytes], Response] = response_type.FromString
        return await self._unary(
            path_of(request),
            request.SerializeToString(),
            parse,
            request_id=getattr(request, "request_id", ""),
            deadline_seconds=deadline_seconds,
            retry=retry,
        )

    async def unary_bytes(self, path: str, body: bytes, *, deadline_seconds: float) -> bytes:
        """Ask an RPC that the client has no types for, once, and give back the bytes of its answer."""
        return await self._unary(
            path,
            body,
            bytes,
            request_id="",
            deadline_seconds=deadline_seconds,
            retry=RetryPolicy(max_tries=1),
        )

    async def _unary(
        self,
        path: str,
        body: bytes,
        parse: Callable[[bytes], _Answer],
        *,
        request_id: str,
        deadline_seconds: float,
        retry: RetryPolicy | None,
    ) -> _Answer:
        tries = self.tries(deadline_seconds, retry)
        while True:
            try:
                return parse(
                    await self.try_once(
                        path,
                        body,
                        timeout_seconds=tries.remaining_seconds(),
                        trace_parent=current_trace_parent(),
                        request_id=request_id,
                    )
                )
            except errors.HoldfastError as failure:
                error = failure
            await tries.wait_after(error)

    def tries(self, deadline_seconds: float, retry: RetryPolicy | None = None) -> Tries:
        """The tries of a call that begins now.

        Raises:
            ValueError: There is no such deadline.
        """
        return self.tries_until(asyncio.get_running_loop().time() + checked_deadline_seconds(deadline_seconds), retry)

    def tries_until(self, end_time: float, retry: RetryPolicy | None = None) -> Tries:
        """The tries of a call that is to end at a time on the clock of the loop."""
        return Tries(retry or self._retry, end_time, self._wait, self._draw)

    async def try_once(
        self, path: str, body: bytes, *, timeout_seconds: float, trace_parent: str, request_id: str = ""
    ) -> bytes:
        """Ask once, and give back the bytes of the answer. If the task is cancelled, so is the call.

        Raises:
            HoldfastError: The refusal.
        """
        call = self._next_channel().unary(path)(body, timeout=timeout_seconds, metadata=self._metadata_in(trace_parent))
        try:
            answer: bytes = await call
        except grpc.aio.AioRpcError as failure:
            raise errors.error_from_rpc(failure, request_id=request_id) from None
        finally:
            # A call that nobody waits for any more must be told so: grpc.aio never collects it.
            call.cancel()
        return answer

    async def stream(
        self,
        request: protobuf_message.Message,
        response_type: type[Response],
        *,
        deadline_seconds: float,
    ) -> AsyncGenerator[Response, None]:
        """Ask and yield the answers as they come. Tried again only as long as none has come.

        Closing the generator, or cancelling the task that iterates, cancels the call.

        Raises:
            HoldfastError: The stream was refused or broke.
        """
        parse: Callable[[bytes], Response] = response_type.FromString
        tries = self.tries(deadline_seconds)
        begun = False
        while True:
            call = self._next_channel().stream(path_of(request))(
                request.SerializeToString(), timeout=tries.remaining_seconds(), metadata=self._metadata_now()
            )
            try:
                async for body in call:
                    begun = True
                    yield parse(body)
                return
            except grpc.aio.AioRpcError as failure:
                error = errors.error_from_rpc(failure)
            finally:
                call.cancel()
            if begun:
                raise error
            await tries.wait_after(error)

    async def listen(
        self, request: protobuf_message.Message, response_type: type[Response], *, max_silence_seconds: float
    ) -> AsyncGenerator[Response, None]:
        """Ask once and yield what comes, for as long as it comes: without a deadline, and never to an end.

        Closing the generator, or cancelling the task that iterates, cancels the call.

        Raises:
            Unavailable: The stream broke or ended, or nothing came for too long.
            HoldfastError: The stream was refused.
        """
        parse: Callable[[bytes], Response] = response_type.FromString
        call = self._next_channel().stream(path_of(request))(request.SerializeToString(), metadata=self._metadata_now())
        try:
            while True:
                async with asyncio.timeout(max_silence_seconds):
                    body = await call.read()
                if body is grpc.aio.EOF:
                    raise errors.unavailable("the stream ended without a reason")
                yield parse(body)
        except grpc.aio.AioRpcError as failure:
            raise errors.error_from_rpc(failure) from None
        except TimeoutError:
            raise errors.unavailable(f"nothing came for {max_silence_seconds:g} seconds") from None
        finally:
            call.cancel()

    async def pause(self, *, bound_seconds: float, asked_seconds: float | None) -> None:
        """Wait before a new try: for a drawn time up to the bound, on top of what the authority asked for."""
        await self._wait(self._draw(0.0, bound_seconds) + min(asked_seconds or 0.0, _LONGEST_ASKED_SECONDS))

    async def exchange(
        self,
        request_type: type[protobuf_message.Message],
        requests: AsyncGenerator[protobuf_message.Message, None],
        response_type: type[Response],
        *,
        max_unanswered: int,
        deadline_seconds: float,
    ) -> AsyncGenerator[Response, None]:
        """Send requests as a stream and yield the answers as they come, one to each request.

        At most `max_unanswered` requests are under way. Tried again only as long as no request was taken. Closing
        the generator, or cancelling the task that iterates, cancels the call and closes the requests. What the
        requests raise is raised here, after the answers to those that were sent.

        Raises:
            HoldfastError: The stream was refused or broke.
        """
        if max_unanswered < 1:
            raise ValueError("max_unanswered must be at least 1")
        parse: Callable[[bytes], Response] = response_type.FromString
        call = await self._begun_exchange(path_of(request_type()), deadline_seconds)
        ending = _Ending(call)
        sending = _Sending(call, requests, max_unanswered)
        try:
            async for body in call:
                sending.answered()
                yield parse(body)
        except grpc.aio.AioRpcError as failure:
            raise errors.error_from_rpc(await ending.failure(failure)) from None
        finally:
            call.cancel()
            await sending.end()
            await requests.aclose()
        if sending.failure is not None:
            raise sending.failure

    async def _begun_exchange(self, path: str, deadline_seconds: float) -> Any:
        """A call that has reached the authority; nothing was sent but its head."""
        tries = self.tries(deadline_seconds)
        while True:
            call = self._next_channel().exchange(path)(timeout=tries.remaining_seconds(), metadata=self._metadata_now())
            try:
                await call.wait_for_connection()
                return call
            except grpc.aio.AioRpcError as failure:
                error = errors.error_from_rpc(failure)
            except BaseException:
                call.cancel()
                raise
            await tries.wait_after(error)

    async def close(self) -> None:
        """Close the channels. Calls in progress are cancelled. May be called again."""
        self._closed = True
        channels, self._channels, self._turn = self._channels, [], None
        for channel in channels:
            await channel.close()

    def _next_channel(self) -> "_Channel":
        if self._closed:
            raise RuntimeError("the client is closed")
        if self._turn is None:
            self._channels = [
                _Channel(self._target, self._channel_credentials, self._channel_options)
                for _ in range(self._channel_count)
            ]
            self._turn = itertools.cycle(self._channels)
        return next(self._turn)

    def _metadata_now(self) -> tuple[tuple[str, str], ...]:
        return self._metadata_in(current_trace_parent())

    def _metadata_in(self, trace_parent: str) -> tuple[tuple[str, str], ...]:
        return (*self._metadata, ("traceparent", trace_parent)) if trace_parent else self._metadata


class _Channel:
    """One connection with the callables that were made for it."""

    def __init__(
        self,
        target: str,
        credentials: grpc.ChannelCredentials | None,
        options: Sequence[tuple[str, int | str]],
    ) -> None:
        self._channel = (
            grpc.aio.insecure_channel(target, options=options)
            if credentials is None
            else grpc.aio.secure_channel(target, credentials, options=options)
        )
        self._unary: dict[str, Any] = {}
        self._stream: dict[str, Any] = {}
        self._exchange: dict[str, Any] = {}

    def unary(self, path: str) -> Any:
        made = self._unary.get(path)
        if made is None:
            made = self._unary[path] = self._channel.unary_unary(path)
        return made

    def stream(self, path: str) -> Any:
        made = self._stream.get(path)
        if made is None:
            made = self._stream[path] = self._channel.unary_stream(path)
        return made

    def exchange(self, path: str) -> Any:
        made = self._exchange.get(path)
        if made is None:
            made = self._exchange[path] = self._channel.stream_stream(path)
        return made

    async def close(self) -> None:
        await self._channel.close()


class _Sending:
    """Writes the requests of an exchange in a task of its own, never more than a window ahead of the answers."""

    def __init__(
        self, call: Any, requests: AsyncGenerator[protobuf_message.Message, None], max_unanswered: int
    ) -> None:
        self._call = call
        self._requests = requests
        self._window = asyncio.Semaphore(max_unanswered)
        self.failure: Exception | None = None
        """What the requests raised."""
        self._task = asyncio.create_task(self._send())

    def answered(self) -> None:
        """Let one more request go out."""
        self._window.release()

    async def end(self) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _send(self) -> None:
        try:
            await self._window.acquire()
            async for request in self._requests:
                if not await self._written(request.SerializeToString()):
                    return
                await self._window.acquire()
        except Exception as failure:
            self.failure = failure
        await self._written(None)

    async def _written(self, body: bytes | None) -> bool:
        """Write a request, or None for the end; False if the call is over, whose status the reader gets."""
        try:
            await (self._call.done_writing() if body is None else self._call.write(body))
        except (grpc.aio.AioRpcError, grpc.aio.UsageError, asyncio.InvalidStateError):
            return False
        return True


class _Ending:
    """The status with which the authority ended a call.

    A write that meets the end of a stream makes grpc.aio set a status of its own: before the one that was sent, which
    then arrives in a matter of moments and replaces it, or over it. So each is noted as it is set.
    """

    def __init__(self, call: Any) -> None:
        self._sent: asyncio.Future[grpc.aio.AioRpcError] = asyncio.get_running_loop().create_future()
        call.add_done_callback(self._note)

    async def failure(self, raised: grpc.aio.AioRpcError) -> grpc.aio.AioRpcError:
        """Return the failure with the status that was sent, if it comes; else the one that was raised."""
        if raised.details() == _STATUS_OF_A_FAILED_WRITE:
            await asyncio.wait([self._sent], timeout=_SECONDS_FOR_A_STATUS)
        return self._sent.result() if self._sent.done() else raised

    def _note(self, call: Any) -> None:
        details = _told_now(call.details())
        if details != _STATUS_OF_A_FAILED_WRITE and not self._sent.done():
            code, trailing_metadata = _told_now(call.code()), _told_now(call.trailing_metadata())
            self._sent.set_result(grpc.aio.AioRpcError(code, grpc.aio.Metadata(), trailing_metadata, details=details))


def _told_now(answer: Coroutine[Any, Any, _Told]) -> _Told:
    """The result of a coroutine that has nothing to wait for, as the questions to a call that is over."""
    try:
        answer.send(None)
    except StopIteration as end:
        return cast("_Told", end.value)
    raise RuntimeError("the call is not over")
