"""The parts of a demand over several segments: how they are noted, asked for, and shown as one reservation."""

from __future__ import annotations

import hashlib
import os
import re
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from holdfast.inventory.v1 import inventory_service_pb2 as pb
from holdfast.inventory.v1 import reservation_pb2

from holdfast_server.decide.commands import Command, Decision
from holdfast_server.edge import conversion
from holdfast_server.edge.caller import Caller
from holdfast_server.edge.front.split_plan import DemandedLine, SplitPlan
from holdfast_server.edge.requests.mutation import MICROSECONDS, mutation
from holdfast_server.edge.requests.reservations import PartOf, create_reservation, ttl_us_of
from holdfast_server.phases import SplitPhase
from holdfast_server.records import Document
from holdfast_server.settings import Settings

_SPLIT: Final = "-split-"
# After the time, for reservations are listed in the order of their ids.
_PART: Final = "-part"
_ONLY_PART: Final = "-only"
_RANDOM_BYTES: Final = 10
_REST_BYTES: Final = 9
# An id of a plan or of one of its parts: 12 digits of its time, then its random ones. Older parts have the
# mark where plans have it.
_MADE: Final = re.compile(r"[a-z0-9]+-(?:split-|part-)?(([0-9a-f]{12})[0-9a-f]{20})(?:-part|-only)?")
# No caller can make an id that begins so.
_OWN: Final = "~"
# A part does not expire before the whole does: that is for the home to decide. Only if nobody ever settles it, it ends.
_PART_OUTLIVES_US: Final = 7 * 86_400 * MICROSECONDS


def is_split(reservation_id: str) -> bool:
    """Says whether an id is one of a reservation in several segments."""
    return _SPLIT in reservation_id


def is_part(reservation_id: str) -> bool:
    """Says whether an id is one of a part of such a reservation."""
    return _PART in reservation_id


def is_only_part(reservation_id: str) -> bool:
    """Says whether an id is one of a reservation that is all of what was planned for a demand."""
    return _ONLY_PART in reservation_id


@dataclass(frozen=True, slots=True)
class Part:
    """What one segment is asked for."""

    segment: str
    reservation_id: str
    lines: tuple[DemandedLine, ...]


def parts_of(split: Document) -> list[Part]:
    """Returns the parts that a plan notes, in order."""
    lines: dict[tuple[str, str], list[DemandedLine]] = {}
    for row in split.named_lines():
        line = DemandedLine(row["sku"], row["location"], row["quantity"])
        lines.setdefault((row["segment"], row["reservation_id"]), []).append(line)
    return [Part(segment, reservation_id, tuple(its)) for (segment, reservation_id), its in lines.items()]


def split_ids_of(homes: Iterable[str], reservation_id: str) -> list[str]:
    """Returns the ids that the plan of a part may have, one for each segment that may be its home."""
    made = _MADE.fullmatch(reservation_id)
    return [f"{home}{_SPLIT}{made[1]}" for home in homes] if made else []


def own_id(step: str, of: str, *, at_us: int = 0) -> str:
    """Returns the request id of a step of the front's own with a plan or a part: the same for the same step.

    It carries a time, as a caller's UUIDv7 does: so the sequencer alone can tell whether it has been taken, for as long
    as it remembers. It is the plan's time; or `at_us`, when the step was decided, for a hold may be older by then than
    ids are remembered.
    """
    made = _MADE.fullmatch(of)
    if made is None:
        raise ValueError(f"{of!r} is no id of a plan or of a part")
    time_digits = f"{at_us // 1000:012x}" if at_us else made[2]
    rest = hashlib.blake2b(f"{step}-{of}".encode(), digest_size=_REST_BYTES).hexdigest()
    return f"{time_digits[:8]}-{time_digits[8:]}-7{rest[:3]}-8{rest[3:6]}-{rest[6:18]}"


def id_in(segment: str, request_id: str) -> str:
    """Returns the id under which a segment is asked for its part in a caller's request."""
    return f"{_OWN}{segment}-{request_id}"


def plan_command(request: pb.CreateReservationRequest, caller: Caller, home: str, plan: SplitPlan) -> Command:
    """Returns the command that notes a plan at the home.

    A plan for what is asked for has an id of its own: it may be given up, and another made. What has been sold is
    booked as the first plan says, so that is noted under the id of the request.
    """
    name = f"{time.time_ns() // 1_000_000:012x}{os.urandom(_RANDOM_BYTES).hex()}"
    # The only part of a demand is a reservation like any other, once its plan is settled.
    mark = _PART if len(plan.parts) > 1 else _ONLY_PART
    rows = [
        (segment, f"{segment}-{name}{mark}", line.sku, line.location, line.quantity)
        for segment, lines in plan.parts.items()
        for line in lines
    ]
    split_id = f"{home}{_SPLIT}{name}"
    noted = request if is_told(request) else _under(request, plan_id(split_id))
    arguments = (split_id, request.channel, request.order_id, request.request_id, rows)
    return mutation(noted, caller, name="plan_split", arguments=arguments, line_count=len(rows))


def probe_command(request: pb.CreateReservationRequest, caller: Caller, home: str) -> Command:
    """Returns a command under the id of a request that takes effect never: its home says what it came to, if anything.

    What it is refused with otherwise is UnknownDocument.
    """
    return move_command(request, caller, f"{home}{_SPLIT}none", SplitPhase.HELD)


def plan_id(split_id: str) -> str:
    """Returns the request id under which a plan was noted for a demand that is asked for."""
    return own_id("plan", split_id)


def request_of_plan(split: Document, body: bytes) -> pb.CreateReservationRequest:
    """Returns the request that a plan answers, from the body that it was noted with."""
    return _under(pb.CreateReservationRequest.FromString(body), split.note)


def is_told(request: pb.CreateReservationRequest) -> bool:
    """Says whether a demand has been sold already."""
    return bool(request.demand == pb.DEMAND_KIND_TOLD)


def _under(request: pb.CreateReservationRequest, request_id: str) -> pb.CreateReservationRequest:
    under = pb.CreateReservationRequest()
    under.CopyFrom(request)
    under.request_id = request_id
    return under


def move_command(
    request: Any, caller: Caller, split_id: str, phase: SplitPhase, *, time_us: int = 0, reason: str = ""
) -> Command:
    """Returns the command that moves a demand on at its home; `time_us` is as in move_split.lua."""
    arguments = (split_id, int(phase), time_us)
    return mutation(request, caller, name="move_split", arguments=arguments, reservation_id=split_id, reason=reason)


def part_command(
    part: Part,
    request: pb.CreateReservationRequest,
    caller: Caller,
    split: Document,
    settings: Settings,
    *,
    alone: bool,
) -> tuple[Command, pb.CreateReservationRequest]:
    """Returns the command that reserves a part, and the request that it stands for."""
    asked = _under(request, own_id("part", part.reservation_id))
    asked.fill_policy = pb.FILL_POLICY_UNSPECIFIED
    del asked.lines[:]
    for line in part.lines:
        asked.lines.add(sku=line.sku, location=line.location, quantity=line.quantity)
    if not is_told(asked):
        asked.allow_backorder = asked.allow_substitution = False
    if asked.HasField("seen_revision") and asked.seen_revision.segment != part.segment:
        asked.ClearField("seen_revision")
    ttl_us = ttl_us_of(asked, settings)
    as_planned = PartOf(
        reservation_id=part.reservation_id,
        ttl_us=ttl_us if alone else ttl_of_part(ttl_us),
        # A plan for what has been sold is never given up, so its part never comes too late.
        not_after_us=0 if is_told(asked) else not_after_us(split, settings),
    )
    return create_reservation(asked, caller, settings, part=as_planned), asked


def ttl_of_part(ttl_us: int) -> int:
    """Returns how long a part is held whose whole is held for so long."""
    return ttl_us + _PART_OUTLIVES_US


def ends_after_us(settings: Settings) -> int:
    """Returns how old a plan is when surely no part of it can be reserved any more."""
    return int(settings.split_plan_seconds * 2 * MICROSECONDS)


def not_after_us(split: Document, settings: Settings) -> int:
    """Returns until when parts of a plan may be reserved."""
    return split.create_us + int(settings.split_plan_seconds * MICROSECONDS)


def as_one(
    split: Document, parts: Mapping[str, reservation_pb2.Reservation], state: int, *, home: str
) -> reservation_pb2.Reservation:
    """Returns the reservations of the parts as one, with their lines one after the other."""
    own = list(parts.values())
    whole = reservation_pb2.Reservation(
        reservation_id=split.document_id,
        state=state,  # type: ignore[arg-type]
        channel=split.channel,
        order_id=split.order_id,
        revision=conversion.revision(home, split.position),
        customer_id=own[0].customer_id if own else "",
        part_reservation_ids=list(parts),
    )
    conversion.fill_timestamp(whole.create_time, split.create_us)
    conversion.fill_timestamp(whole.update_time, split.update_us)
    if state == reservation_pb2.RESERVATION_STATE_HELD:
        conversion.fill_timestamp(whole.expire_time, split.expected_us)
    for line in _lines(own):
        whole.lines.add().CopyFrom(line)
        whole.lines[-1].line_number = len(whole.lines)
    return whole


def fill_in_whole(
    message: reservation_pb2.Reservation,
    split: Document,
    parts: Sequence[Part],
    decisions: Sequence[Decision],
    *,
    home: str,
    phase: SplitPhase | None = None,
) -> None:
    """Fills in the whole as it is once a step was taken with each part; in the phase of the split unless told."""
    shown = {}
    for part, decision in zip(parts, decisions, strict=True):
        one = reservation_pb2.Reservation(reservation_id=part.reservation_id)
        if decision.reservation:
            conversion.fill_reservation(one, part.segment, decision.reservation)
        shown[part.reservation_id] = one
    message.CopyFrom(as_one(split, shown, _STATES[phase or SplitPhase(split.resolution)], home=home))


def _lines(parts: Iterable[reservation_pb2.Reservation]) -> Iterable[reservation_pb2.ReservationLine]:
    for part in parts:
        yield from part.lines


_HELD: Final = reservation_pb2.RESERVATION_STATE_HELD
_COMMITTED: Final = reservation_pb2.RESERVATION_STATE_COMMITTED
_FULFILLED: Final = reservation_pb2.RESERVATION_STATE_FULFILLED
_RELEASED: Final = reservation_pb2.RESERVATION_STATE_RELEASED
_EXPIRED: Final = reservation_pb2.RESERVATION_STATE_EXPIRED
_STATES: Final = {
    SplitPhase.HELD: _HELD,
    SplitPhase.COMMITTING: _COMMITTED,
    SplitPhase.COMMITTED: _COMMITTED,
    SplitPhase.RELEASING: _RELEASED,
    SplitPhase.RELEASED: _RELEASED,
    SplitPhase.EXPIRING: _EXPIRED,
    SplitPhase.EXPIRED: _EXPIRED,
}


def state_of(phase: SplitPhase, parts: Sequence[reservation_pb2.Reservation]) -> int | None:
    """Returns the state of the whole; None while it is none, or if it never became one.

    Once committed, the parts live on by themselves: the whole has ended when all of them have.
    """
    state = _STATES.get(phase)
    if state == _COMMITTED:
        states = {part.state for part in parts}
        if states <= {_FULFILLED, _RELEASED}:
            return int(_FULFILLED if _FULFILLED in states else _RELEASED)
    return None if state is None else int(state)
