"""A stand-in for the service, kept in dictionaries: it decides as the service promises to, and can be told
to fail.

It serves the tests of ordering and accounting; it says nothing about the service itself.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable
from typing import TypeVar, cast

import grpc
from google.protobuf import any_pb2
from google.protobuf.message import Message
from google.rpc import error_details_pb2, status_pb2
from holdfast.inventory.v1 import (
    audit_service_pb2,
    catalog_pb2,
    catalog_service_pb2,
    inventory_service_pb2,
    reservation_pb2,
    stock_pb2,
)

from holdfast_client import errors

_Answer = TypeVar("_Answer", bound=Message)

Before = Callable[[str, str], Awaitable[None]]
"""Called with the method and what it is about before a call takes effect; may wait, or raise what the call
shall.
"""


def refusal(
    reason: str, code: grpc.StatusCode = grpc.StatusCode.FAILED_PRECONDITION, **metadata: str
) -> errors.HoldfastError:
    """The typed error that the client raises for a refusal."""
    info = any_pb2.Any()
    info.Pack(error_details_pb2.ErrorInfo(reason=reason, domain=errors.ERROR_DOMAIN, metadata=metadata))
    return errors.error_from_status(status_pb2.Status(code=code.value[0], message=reason, details=[info]))


def unavailable() -> errors.HoldfastError:
    """What a call gets while the sequencer is being loaded."""
    return refusal("SEGMENT_LOADING", grpc.StatusCode.UNAVAILABLE)


async def _no_wait(method: str, subject: str) -> None:
    """The service as it is when nothing is scripted."""


class ScriptedAuthority:
    """The service in dictionaries.

    `before` runs before a call takes effect, `after` when it has taken effect and the answer is on its way.
    `calls` are the calls that took effect, in their order, as (method, what it was about).
    """

    def __init__(self, *, before: Before = _no_wait, after: Before = _no_wait) -> None:
        self.before = before
        self.after = after
        self.calls: list[tuple[str, str]] = []
        self.levels: dict[tuple[str, str], stock_pb2.StockLevel] = {}
        self.reservations: dict[str, reservation_pb2.Reservation] = {}
        self.movements: dict[str, list[stock_pb2.Movement]] = {}
        self.items: dict[str, catalog_pb2.Item] = {}
        self.pools: dict[str, catalog_pb2.Pool] = {}
        self.channels: dict[str, catalog_pb2.Channel] = {}
        self.verdict = audit_service_pb2.LedgerVerdict(
            chain_verified=True, levels_equal_movements=True, reserved_equals_open_lines=True
        )
        self._answers: dict[str, Message] = {}

    async def put_items(
        self, items: Iterable[catalog_pb2.Item], *, request_id: str | None = None
    ) -> catalog_service_pb2.PutItemsResponse:
        """Keeps the items."""
        for item in items:
            self.items[item.sku] = item
        return catalog_service_pb2.PutItemsResponse()

    async def put_locations(
        self, locations: Iterable[catalog_pb2.Location], *, request_id: str | None = None
    ) -> catalog_service_pb2.PutLocationsResponse:
        """Has no need of locations."""
        return catalog_service_pb2.PutLocationsResponse()

    async def put_pools(
        self, pools: Iterable[catalog_pb2.Pool], *, request_id: str | None = None
    ) -> catalog_service_pb2.PutPoolsResponse:
        """Keeps the pools."""
        self.pools.update((pool.pool, pool) for pool in pools)
        return catalog_service_pb2.PutPoolsResponse()

    async def put_channels(
        self, channels: Iterable[catalog_pb2.Channel], *, request_id: str | None = None
    ) -> catalog_service_pb2.PutChannelsResponse:
        """Keeps the channels."""
        self.channels.update((channel.channel, channel) for channel in channels)
        return catalog_service_pb2.PutChannelsResponse()

    async def receive_stock(
        self,
        lines: Iterable[inventory_service_pb2.ReceiptLine],
        *,
        reference: str = "",
        reason: str = "",
        request_id: str | None = None,
    ) -> inventory_service_pb2.ReceiveStockResponse:
        """Books units."""
        lines = list(lines)

        def effect() -> inventory_service_pb2.ReceiveStockResponse:
            for line in lines:
                self._move(stock_pb2.MOVEMENT_KIND_RECEIVE, line.sku, line.location, sellable=line.quantity)
            return inventory_service_pb2.ReceiveStockResponse()

        return await self._once("receive_stock", reference, request_id, effect)

    async def adjust_stock(
        self,
        lines: Iterable[inventory_service_pb2.AdjustmentLine],
        *,
        reason: str,
        reference: str = "",
        request_id: str | None = None,
    ) -> inventory_service_pb2.AdjustStockResponse:
        """Corrects units; refuses to go below zero on hand."""
        lines = list(lines)

        def effect() -> inventory_service_pb2.AdjustStockResponse:
            if any(self.level(line.sku, line.location).sellable_quantity + line.delta_quantity < 0 for line in lines):
                raise refusal("ADJUSTMENT_BELOW_ZERO")
            for line in lines:
                self._move(stock_pb2.MOVEMENT_KIND_ADJUST, line.sku, line.location, sellable=line.delta_quantity)
            return inventory_service_pb2.AdjustStockResponse()

        return await self._once("adjust_stock", reference, request_id, effect)

    async def create_reservation(
        self,
        *,
        channel: str,
        lines: Iterable[inventory_service_pb2.DemandLine],
        order_id: str = "",
        allow_split: bool = False,
        partial: bool = False,
        request_id: str | None = None,
    ) -> inventory_service_pb2.CreateReservationResponse:
        """Sets units aside, split over the pool's locations in their order."""
        wanted: dict[str, int] = {}
        for line in lines:
            wanted[line.sku] = wanted.get(line.sku, 0) + line.quantity
        locations = list(self.pools[self.channels[channel].pool].locations)

        def effect() -> inventory_service_pb2.CreateReservationResponse:
            free = {sku: sum(max(0, self._net(sku, at)) for at in locations) for sku in wanted}
            granted = {sku: min(free[sku], units) for sku, units in wanted.items()}
            if (not partial and granted != wanted) or not any(granted.values()):
                raise refusal("INSUFFICIENT_STOCK")
            reservation = reservation_pb2.Reservation(
                reservation_id=f"reservation-{len(self.reservations) + 1}",
                state=reservation_pb2.RESERVATION_STATE_HELD,
                order_id=order_id,
            )
            for sku in wanted:
                missing = granted[sku]
                for at in locations:
                    taken = min(missing, max(0, self._net(sku, at)))
                    if taken:
                        missing -= taken
                        reservation.lines.add(
                            line_number=len(reservation.lines) + 1,
                            sku=sku,
                            location=at,
                            quantity=taken,
                            open_quantity=taken,
                        )
                        self._move(stock_pb2.MOVEMENT_KIND_RESERVE, sku, at, held=taken)
            self.reservations[reservation.reservation_id] = reservation
            answer = inventory_service_pb2.CreateReservationResponse()
            answer.reservation.CopyFrom(reservation)
            for sku, units in wanted.items():
                if granted[sku] < units:
                    answer.shortfalls.add(sku=sku, requested_quantity=units, reserved_quantity=granted[sku])
            return answer

        return await self._once("create_reservation", order_id, request_id, effect)

    async def commit_reservation(
        self, reservation_id: str, *, request_id: str | None = None
    ) -> inventory_service_pb2.CommitReservationResponse:
        """Moves the units from held to committed; a reservation that expired is refused."""
        reservation = self.reservations[reservation_id]

        def effect() -> inventory_service_pb2.CommitReservationResponse:
            if reservation.state != reservation_pb2.RESERVATION_STATE_HELD:
                raise refusal("RESERVATION_EXPIRED")
            reservation.state = reservation_pb2.RESERVATION_STATE_COMMITTED
            for line in reservation.lines:
                self._move(
                    stock_pb2.MOVEMENT_KIND_COMMIT,
                    line.sku,
                    line.location,
                    held=-line.open_quantity,
                    committed=line.open_quantity,
                )
            return inventory_service_pb2.CommitReservationResponse()

        return await self._once("commit_reservation", reservation.order_id, request_id, effect)

    async def release_reservation(
        self,
        reservation_id: str,
        *,
        lines: Iterable[inventory_service_pb2.ReleaseLine] = (),
        reason: str = "",
        request_id: str | None = None,
    ) -> inventory_service_pb2.ReleaseReservationResponse:
        """Gives units back; refuses more than are open, and a line that is named twice."""
        reservation = self.reservations[reservation_id]
        lines = list(lines)
        units = {line.line_number: line.quantity for line in lines}
        assert 0 < len(units) == len(lines), "each line at most once"

        def effect() -> inventory_service_pb2.ReleaseReservationResponse:
            by_number = {line.line_number: line for line in reservation.lines}
            if any(by_number[number].open_quantity < quantity for number, quantity in units.items()):
                raise refusal("RELEASE_EXCEEDS_OPEN")
            for number, quantity in units.items():
                line = by_number[number]
                line.open_quantity -= quantity
                line.released_quantity += quantity
                self._move(stock_pb2.MOVEMENT_KIND_RELEASE, line.sku, line.location, committed=-quantity)
            return inventory_service_pb2.ReleaseReservationResponse()

        return await self._once("release_reservation", f"{reservation.order_id} {reason}", request_id, effect)

    async def batch_get_availability(
        self, keys: Iterable[inventory_service_pb2.AvailabilityKey]
    ) -> inventory_service_pb2.BatchGetAvailabilityResponse:
        """Tells the levels."""
        answer = inventory_service_pb2.BatchGetAvailabilityResponse()
        for key in keys:
            availability = answer.availabilities.add(sku=key.sku, location=key.location)
            level = self.levels.get((key.sku, key.location))
            if level is not None:
                availability.stock_level.CopyFrom(level)
        return answer

    async def list_movements_page(
        self, *, sku: str = "", page_size: int = 0, page_token: str = ""
    ) -> audit_service_pb2.ListMovementsResponse:
        """Gives the movements two at a time, so that there are pages."""
        start = int(page_token or 0)
        own = self.movements.get(sku, [])
        more = str(start + 2) if start + 2 < len(own) else ""
        return audit_service_pb2.ListMovementsResponse(movements=own[start : start + 2], next_page_token=more)

    async def verify_ledger(self) -> AsyncGenerator[audit_service_pb2.VerifyLedgerResponse, None]:
        """Gives the verdict that the test has set."""
        yield audit_service_pb2.VerifyLedgerResponse(checked_operation_count=1)
        yield audit_service_pb2.VerifyLedgerResponse(verdict=self.verdict)

    def level(self, sku: str, location: str) -> stock_pb2.StockLevel:
        """The level as it is."""
        return self.levels.get((sku, location), stock_pb2.StockLevel())

    def expire(self, reservation_id: str) -> None:
        """Lets a hold run out."""
        reservation = self.reservations[reservation_id]
        reservation.state = reservation_pb2.RESERVATION_STATE_EXPIRED
        for line in reservation.lines:
            self._move(stock_pb2.MOVEMENT_KIND_EXPIRE, line.sku, line.location, held=-line.open_quantity)

    def _net(self, sku: str, location: str) -> int:
        level = self.level(sku, location)
        return level.sellable_quantity - level.held_quantity - level.committed_quantity

    def _move(
        self,
        kind: stock_pb2.MovementKind,
        sku: str,
        location: str,
        *,
        sellable: int = 0,
        held: int = 0,
        committed: int = 0,
    ) -> None:
        level = self.levels.setdefault((sku, location), stock_pb2.StockLevel(sku=sku, location=location))
        level.sellable_quantity += sellable
        level.held_quantity += held
        level.committed_quantity += committed
        level.version += 1
        movement = stock_pb2.Movement(kind=kind, sellable_delta=sellable, held_delta=held, committed_delta=committed)
        movement.balance.CopyFrom(level)
        self.movements.setdefault(sku, []).append(movement)

    async def _once(self, method: str, subject: str, request_id: str | None, effect: Callable[[], _Answer]) -> _Answer:
        """Decides under the request id at most once; a refusal is not remembered."""
        assert request_id
        await self.before(method, subject)
        if request_id not in self._answers:
            self._answers[request_id] = effect()
            self.calls.append((method, subject))
        await self.after(method, subject)
        return cast(_Answer, self._answers[request_id])
