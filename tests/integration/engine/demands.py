"""Commands as the edge makes them, without the edge: for tests that drive the decider itself."""

from __future__ import annotations

import hashlib
import secrets
import time
import uuid
from collections.abc import Sequence
from typing import Any

from holdfast_server.decide.commands import Command
from holdfast_server.decide.limits import packed_limits
from holdfast_server.decide.packing import pack
from holdfast_server.records import Request, unpack_request
from holdfast_server.settings import Settings

MICROSECONDS = 1_000_000
SELLABLE = 1

_reservations = iter(range(1, 1_000_000))


def now_us() -> int:
    """The time of this machine, in microseconds."""
    return time.time_ns() // 1000


def uuid7(at_us: int | None = None) -> str:
    """A UUIDv7 that carries this time; now, unless it is given."""
    milliseconds = (now_us() if at_us is None else at_us) // 1000
    value = (milliseconds << 80) | secrets.randbits(80)
    value = value & ~(0xF << 76) | (0x7 << 76)
    value = value & ~(0x3 << 62) | (0x2 << 62)
    return str(uuid.UUID(int=value))


def time_of(request_id: str) -> int:
    """The time that an id carries, in microseconds; 0 if it is no UUIDv7."""
    try:
        parsed = uuid.UUID(request_id)
    except ValueError:
        return 0
    return (parsed.int >> 80) * 1000 if parsed.version == 7 else 0


def mutation(name: str, arguments: tuple[Any, ...], *, request_id: str = "", reservation_id: str = "") -> Command:
    """A command that changes something, with an identity of its own unless one is given."""
    request_id = request_id or uuid7()
    fingerprint = hashlib.blake2b(repr((name, arguments)).encode(), digest_size=16).digest()
    request = Request(
        request_id=request_id,
        id_time_us=time_of(request_id),
        fingerprint=fingerprint,
        method=name,
        body=b"",
        caller="test",
        on_behalf_of="",
        trace_parent="",
        reason="because",
        reference="",
    )
    return Command(
        name=name,
        arguments=arguments,
        line_count=1,
        request_id=request_id,
        id_time_us=request.id_time_us,
        method=name,
        fingerprint=fingerprint,
        request=request.packed(),
        reservation_id=reservation_id,
    )


def receive(sku: str, location: str, quantity: int, *, request_id: str = "") -> Command:
    return mutation("receive", ([(sku, location, SELLABLE, quantity)], "", False, ""), request_id=request_id)


def adjust(sku: str, location: str, delta: int) -> Command:
    return mutation("adjust", ([(sku, location, SELLABLE, delta)], False, ""))


def reserve(
    channel: str,
    lines: Sequence[tuple[str, int] | tuple[str, int, str]],
    *,
    ttl_seconds: float = 900,
    request_id: str = "",
    **options: Any,
) -> Command:
    """A hold on lines of (SKU, quantity) or (SKU, quantity, location)."""
    reservation_id = f"reservation-{next(_reservations)}-{secrets.token_hex(4)}"
    rows = [(line[0], line[1], "".join(line[2:])) for line in lines]
    arguments = (
        channel,
        "order-1",
        int(ttl_seconds * MICROSECONDS),
        True,
        False,
        rows,
        reservation_id,
        "test",
        options,
    )
    return mutation("reserve", arguments, request_id=request_id)


def commit(reservation_id: str) -> Command:
    return mutation("commit", (reservation_id,), reservation_id=reservation_id)


def release(reservation_id: str) -> Command:
    return mutation("release", (reservation_id, []), reservation_id=reservation_id)


def extend(reservation_id: str, ttl_seconds: float) -> Command:
    return mutation("extend", (reservation_id, int(ttl_seconds * MICROSECONDS)), reservation_id=reservation_id)


def put_items(*skus: str, display_name: str = "") -> Command:
    return mutation("put_items", ([(sku, display_name, "piece", 0, False, []) for sku in skus],))


def put_locations(*locations: str) -> Command:
    return mutation("put_locations", ([(location, "", 1) for location in locations],))


def put_pool(pool: str, locations: Sequence[str]) -> Command:
    return mutation("put_pools", ([(pool, "", list(locations))],))


def put_channel(channel: str, pool: str) -> Command:
    return mutation("put_channels", ([(channel, "", pool)],))


def question(sku: str, *, channel: str = "", location: str = "") -> Command:
    """What may be sold of a SKU; it changes nothing."""
    return Command(name="availability", arguments=([(sku, channel, location, 0)],), line_count=1)


def pack_commands(commands: Sequence[Command]) -> bytes:
    """Commands as ARGV of tick.lua, for tests that run the script themselves."""
    return pack([command.for_script() for command in commands])


def limits(settings: Settings) -> bytes:
    """The limits as ARGV of tick.lua."""
    return packed_limits(settings)


def with_request(command: Command, **fields: Any) -> Command:
    """The same command, with other fields in the request that it rests on."""
    request = unpack_request(command.request)._replace(**fields)
    return command._replace(fingerprint=request.fingerprint, request=request.packed())
