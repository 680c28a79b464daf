"""The calls of AuditService that retire old history, and say what was retired."""

from __future__ import annotations

from holdfast.inventory.v1 import audit_service_pb2 as pb

from holdfast_server.edge import conversion
from holdfast_server.edge.caller import Caller
from holdfast_server.edge.calls import Calls
from holdfast_server.edge.pages import cut_page, key_after, page_size_of
from holdfast_server.edge.requests.mutation import microseconds_of
from holdfast_server.edge.rpc import unary
from holdfast_server.ledger import history, retirement
from holdfast_server.ledger.archive import archive_path
from holdfast_server.ledger.changes import ledger_head
from holdfast_server.ledger.retirement import Retired, Retirement
from holdfast_server.refusals import InvalidField, UnknownSegment, Violation

_NEWEST_FIRST = 2**53


class RetirementCalls(Calls):
    """Notes what shall be retired; the retirement process does it."""

    @unary
    async def RetireHistory(self, request: pb.RetireHistoryRequest, caller: Caller) -> pb.RetireHistoryResponse:
        self._check_segment(request.segment)
        ask = self._authority.reader.ask
        retired = await ask(retirement.read_retired, self._segment)
        begin = retired.position if retired else 0
        until = await self._until(request)
        if until <= begin:
            kept = self.settings.min_kept_operations
            words = (
                f"is not beyond {begin}, up to which the history is retired, or not {kept} operations behind its end"
            )
            raise InvalidField([Violation(field="until", description=words)])
        if request.validate_only:
            asked = _not_asked(until, caller, request.reason)
        else:
            number = await ask(
                retirement.ask_retirement,
                self._segment,
                until=until,
                caller=caller.name,
                on_behalf_of=caller.on_behalf_of,
                reason=request.reason,
                archive=archive_path(self.settings, until),
            )
            (asked,) = await ask(retirement.list_retirements, self._segment, before=number + 1, limit=1)
        return pb.RetireHistoryResponse(retirement=await self._shown(asked), operation_count=until - begin)

    async def _until(self, request: pb.RetireHistoryRequest) -> int:
        """Returns how far to go: as far as was asked, but not into the newest operations."""
        ask = self._authority.reader.ask
        head = await ask(ledger_head, self._segment)
        most = head.position - self.settings.min_kept_operations
        if request.WhichOneof("until") == "until_position":
            return min(request.until_position, most)
        first_kept = await ask(history.first_position_at, self._segment, microseconds_of(request.before_time))
        return min(first_kept - 1, most)

    @unary
    async def ListRetirements(self, request: pb.ListRetirementsRequest, _: Caller) -> pb.ListRetirementsResponse:
        self._check_segment(request.segment)
        (before,) = key_after(request, _NEWEST_FIRST - 1)
        ask = self._authority.reader.ask
        found = await ask(retirement.list_retirements, self._segment, before=before, limit=page_size_of(request) + 1)
        shown = {one.number: await self._shown(one) for one in found}
        page, token = cut_page(request, found, lambda one: shown[one.number], lambda one: (one.number,))
        return pb.ListRetirementsResponse(retirements=page, next_page_token=token)

    def _check_segment(self, name: str) -> None:
        if name != self._segment:
            raise UnknownSegment(name)

    async def _shown(self, one: Retirement) -> pb.Retirement:
        held_back_by = ""
        if not one.end_us and not one.stop_reason:
            bound = await self._authority.reader.ask(retirement.bound, self._segment, self.settings.min_kept_operations)
            if bound.position < one.until_position:
                held_back_by = bound.needed_by
        return pb.Retirement(
            segment=self._segment,
            number=one.number,
            until_revision=conversion.revision(self._segment, one.until_position),
            caller=one.caller,
            on_behalf_of=one.on_behalf_of,
            reason=one.reason,
            create_time=conversion.timestamp(one.create_us) if one.create_us else None,
            end_time=conversion.timestamp(one.end_us) if one.end_us else None,
            operation_count=one.operations,
            movement_count=one.movements,
            reservation_count=one.reservations,
            document_count=one.documents,
            held_back_by=held_back_by,
            stop_reason=one.stop_reason,
            archive=one.archive,
        )


def retired_history(segment: str, retired: Retired | None) -> pb.RetiredHistory | None:
    """Returns what was retired of a segment's history; None if nothing was."""
    if retired is None:
        return None
    return pb.RetiredHistory(
        revision=conversion.revision(segment, retired.position), decide_time=conversion.timestamp(retired.decide_us)
    )


def _not_asked(until: int, caller: Caller, reason: str) -> Retirement:
    return Retirement(
        number=0,
        until_position=until,
        caller=caller.name,
        on_behalf_of=caller.on_behalf_of,
        reason=reason,
        create_us=0,
        end_us=0,
        stop_reason="",
        operations=0,
        movements=0,
        reservations=0,
        documents=0,
        archive="",
    )
