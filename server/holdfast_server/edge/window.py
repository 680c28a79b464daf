"""Gathers what a stream brings while what came before is being worked on, within bounds."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from types import TracebackType
from typing import Generic, Self, TypeVar

from google.protobuf.message import Message

_Message = TypeVar("_Message", bound=Message)


class Window(Generic[_Message]):
    """Reads a stream ahead. While the window is full nothing is read, so the sender has to wait."""

    def __init__(self, messages: AsyncIterator[_Message], *, max_messages: int, max_bytes: int) -> None:
        self._messages = messages
        self._max_messages = max_messages
        self._max_bytes = max_bytes
        self._gathered: list[_Message] = []
        self._gathered_bytes = 0
        self._has_room = asyncio.Event()
        self._has_news = asyncio.Event()
        self._has_ended = False
        self._failure: Exception | None = None
        self._has_room.set()

    async def __aenter__(self) -> Self:
        self._reading = asyncio.create_task(self._read(), name="window")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._reading.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._reading

    async def take(self) -> list[_Message]:
        """Returns all that was gathered, at least one message; none once the stream has ended.

        Raises what broke the stream, after all that came before was taken.
        """
        await self._has_news.wait()
        taken, self._gathered, self._gathered_bytes = self._gathered, [], 0
        if not taken and self._failure is not None:
            raise self._failure
        if not self._has_ended:
            self._has_news.clear()
        self._has_room.set()
        return taken

    async def _read(self) -> None:
        try:
            async for message in self._messages:
                self._gathered.append(message)
                self._gathered_bytes += message.ByteSize()
                self._has_news.set()
                if len(self._gathered) >= self._max_messages or self._gathered_bytes >= self._max_bytes:
                    self._has_room.clear()
                await self._has_room.wait()
        except Exception as error:
            self._failure = error
        finally:
            self._has_ended = True
            self._has_news.set()
