"""Makes the calls in front of several segments that only pass on: to one segment, to all, or to each in turn."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Awaitable, Callable
from typing import Any

import grpc
from google.protobuf.message import Message

from holdfast_server.edge.caller import Caller
from holdfast_server.edge.front.directory import Directory
from holdfast_server.edge.rpc import handler_of, unary
from holdfast_server.edge.services import SegmentServices
from holdfast_server.refusals import InvalidField, Violation
from holdfast_server.settings import Settings

Find = Callable[[Directory, Any], Awaitable[SegmentServices]]
Call = Callable[[Any, Any, grpc.aio.ServicerContext], Awaitable[Message]]


class FrontCalls:
    """Some of the calls of a service in front of several segments."""

    def __init__(self, directory: Directory, settings: Settings) -> None:
        self.settings = settings
        self._directory = directory

    @property
    def directory(self) -> Directory:
        """The segments behind this."""
        return self._directory


async def first_segment(directory: Directory, _: Any) -> SegmentServices:
    """Finds the segment that has what is said of no other."""
    return directory.first


async def segment_of_reservation(directory: Directory, request: Any) -> SegmentServices:
    """Finds the segment of a reservation. Raises SpansSegments if it lies in several: its parts can take the step."""
    return await directory.of_one_reservation(request.reservation_id)


async def ask(service: str, method: str, segment: SegmentServices, request: Message, caller: Caller) -> Any:
    """Returns what a segment answers to a checked request. Raises its refusal."""
    return await handler_of(getattr(segment, service), method)(request, caller)


def to_segment(service: str, method: str, find: Find) -> Call:
    """Makes a call that is answered by the one segment that it is about."""

    async def handler(self: FrontCalls, request: Any, caller: Caller) -> Message:
        answer: Message = await ask(service, method, await find(self.directory, request), request, caller)
        return answer

    handler.__name__ = method
    return unary(handler)


def to_all(service: str, method: str) -> Call:
    """Makes a call that every segment is told; the first one's answer is given.

    A refusal ends it: the segments that were told before keep what they were told, and are told again by the same
    request_id.
    """

    async def handler(self: FrontCalls, request: Any, caller: Caller) -> Message:
        answers = [await ask(service, method, one, request, caller) for one in self.directory.segments]
        first: Message = answers[0]
        return first

    handler.__name__ = method
    return unary(handler)


def in_turn(service: str, method: str, page: str) -> Call:
    """Makes a call that lists what the segments have, one after the other; `page` is the field of its values."""

    async def handler(self: FrontCalls, request: Any, caller: Caller) -> Message:
        number, token = _place(self.directory, request.page_token)
        inner = type(request)()
        inner.CopyFrom(request)
        while True:
            inner.page_token = token
            answer: Any = await ask(service, method, self.directory.segments[number], inner, caller)
            token = answer.next_page_token
            if not token and number + 1 < len(self.directory.segments):
                number += 1
                if not getattr(answer, page):
                    continue
                token = ""
            elif not token:
                return answer
            answer.next_page_token = _token(self.directory.names[number], token)
            return answer

    handler.__name__ = method
    return unary(handler)


def _token(segment: str, token: str) -> str:
    return base64.urlsafe_b64encode(f"{segment}.{token}".encode()).decode()


def _place(directory: Directory, token: str) -> tuple[int, str]:
    """Returns the number of the segment that a page is taken from, and the page's token there."""
    if not token:
        return 0, ""
    try:
        segment, dot, rest = base64.urlsafe_b64decode(token).decode().partition(".")
    except (binascii.Error, ValueError):
        segment, dot, rest = "", "", ""
    if not dot or segment not in directory.names:
        raise InvalidField([Violation(field="page_token", description="was not given for a list with this filter")])
    return directory.names.index(segment), rest
