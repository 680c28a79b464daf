"""What is the same in the command of every request that changes something: its identity and its origin."""

from __future__ import annotations

import hashlib
from typing import Any, Final

from google.protobuf import duration_pb2, timestamp_pb2
from google.protobuf.message import Message

from holdfast_server.decide.commands import Command
from holdfast_server.edge.caller import Caller
from holdfast_server.edge.ids import id_time_us
from holdfast_server.records import Request

MICROSECONDS: Final = 1_000_000
_FINGERPRINT_BYTES: Final = 16
# The last integer up to which every number is exact in Lua.
_LAST_EXACT: Final = 2**53


def mutation(
    request: Any,
    caller: Caller,
    *,
    name: str,
    arguments: tuple[Any, ...],
    line_count: int = 1,
    reservation_id: str = "",
    reason: str = "",
    reference: str = "",
) -> Command:
    """Returns the command of a request that changes something, with its identity and its origin."""
    message: Message = request
    # What this server does not know is neither remembered nor compared.
    message.DiscardUnknownFields()
    method = message.DESCRIPTOR.name.removesuffix("Request")
    body = message.SerializeToString(deterministic=True)
    request_id = request.request_id
    time_us = id_time_us(request_id)
    fingerprint = hashlib.blake2b(method.encode() + b"\0" + body, digest_size=_FINGERPRINT_BYTES).digest()
    # By position, as every reservation passes here: by name these two would take more than twice as long.
    origin = Request(
        request_id,
        time_us,
        fingerprint,
        method,
        body,
        caller.name,
        caller.on_behalf_of,
        caller.trace_parent,
        reason,
        reference,
    )
    return Command(
        name,
        arguments,
        line_count,
        request_id,
        time_us,
        method,
        fingerprint,
        origin.packed(),
        reservation_id,
    )


def microseconds_of(value: timestamp_pb2.Timestamp | duration_pb2.Duration) -> int:
    """Returns a time or a duration in microseconds. Times that Lua holds too coarsely are cut to whole seconds."""
    whole_seconds: int = value.seconds * MICROSECONDS
    return whole_seconds if whole_seconds > _LAST_EXACT else whole_seconds + value.nanos // 1000


def time_given(request: Any, field: str) -> int:
    """Returns a time that may be left out, in microseconds; 0 if it is. Times before 1970 count as its first."""
    # 0 says that there is none, so the earliest time is the first microsecond.
    return max(1, microseconds_of(getattr(request, field))) if request.HasField(field) else 0
