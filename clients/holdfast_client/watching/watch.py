"""One watch: reads one stream after another, and hands out what they come to."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import Final, Generic, TypeVar

from google.protobuf import message as protobuf_message

from holdfast_client.calls import Calls
from holdfast_client.error_base import HoldfastError
from holdfast_client.policy import WatchPolicy
from holdfast_client.service_errors import Overloaded, Unavailable, WatcherTooSlow
from holdfast_client.watching.inbox import Batch, Event, Inbox
from holdfast_client.watching.tokens import TokenStore

_Response = TypeVar("_Response", bound=protobuf_message.Message)

_WATCHED_AGAIN_AFTER: Final = (Unavailable, Overloaded, WatcherTooSlow)
# The first new try of a stream that was well is no news to anybody: every stream ends some time.
_FAILURES_UNTOLD: Final = 1


class Watch(Generic[_Response, Event]):
    """Reads in a task of its own, which lives as long as somebody iterates over `events`.

    What is watched, and how what comes is handed out, is the inbox's; how the watch goes on is the same for all.
    """

    def __init__(
        self,
        calls: Calls,
        request_from: Callable[[str], protobuf_message.Message],
        response_type: type[_Response],
        inbox: Inbox[_Response, Event],
        *,
        store: TokenStore,
        policy: WatchPolicy,
    ) -> None:
        """`request_from` words what is asked for from a token on; an empty one for a watch that only begins."""
        self._calls = calls
        self._request_from = request_from
        self._response_type = response_type
        self._inbox = inbox
        self._store = store
        self._policy = policy
        self._news = asyncio.Event()
        self._failures = 0
        """The streams in a row that told nothing whole."""

    async def events(self) -> AsyncGenerator[Event, None]:
        """Yield what came, batch after batch, and save the token of each once all of it was taken.

        Raises:
            HoldfastError: The watch was refused, or failed as often in a row as the policy allows.
        """
        saved = await self._store.load()
        self._inbox.resume_token = saved
        reading = asyncio.create_task(self._read_on(), name="holdfast-watch")
        reading.add_done_callback(lambda _: self._news.set())
        try:
            while True:
                batch = await self._next_batch(reading)
                for event in batch.events:
                    yield self._inbox.newest(event)
                if batch.resume_token not in ("", saved):
                    await self._store.save(batch.resume_token)
                    saved = batch.resume_token
        finally:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)

    async def _next_batch(self, reading: asyncio.Task[None]) -> Batch[Event]:
        while True:
            # Whatever came before the end of the reading is handed out first.
            self._news.clear()
            batch = self._inbox.batch()
            if batch is not None:
                return batch
            if reading.cancelled():
                raise RuntimeError("the client is closed")
            if reading.done():
                reading.result()
            await self._news.wait()

    async def _read_on(self) -> None:
        """Read one stream after another, with waits between them, until one is refused for good."""
        while True:
            try:
                await self._read_one()
            except _WATCHED_AGAIN_AFTER as error:
                self._failures += 1
                if self._policy.max_tries is not None and self._failures >= self._policy.max_tries:
                    raise
                self._break_off(error)
                bound_seconds = self._policy.backoff_bound_seconds(self._failures)
                await self._calls.pause(bound_seconds=bound_seconds, asked_seconds=error.retry_delay_seconds)

    async def _read_one(self) -> None:
        """Take in one stream, from where the last one was whole. Every stream ends with an error."""
        responses = self._calls.listen(
            self._request_from(self._inbox.resume_token),
            self._response_type,
            max_silence_seconds=self._policy.max_silence_seconds,
        )
        async with aclosing(responses):
            async for response in responses:
                if self._inbox.take(response):
                    self._failures = 0
                self._news.set()
                # While nothing is read, the connection fills up and holds back the server; it is no silence of its.
                await self._inbox.room()

    def _break_off(self, error: HoldfastError) -> None:
        self._inbox.cut()
        if self._failures > _FAILURES_UNTOLD:
            self._inbox.lose(error)
            self._news.set()
