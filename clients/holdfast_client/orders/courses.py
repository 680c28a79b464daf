"""The course of each event: which calls it makes, with which request ids, and what it tells the account.

A course keeps its request ids and how far it came. If a call got no answer the course can be run again
later: it asks the same call again under the same id, so nothing is done twice and the outcome becomes known
after all.
"""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Protocol

from holdfast.inventory.v1 import inventory_service_pb2, reservation_pb2

from holdfast_client import errors
from holdfast_client.csv_import.patience import Patience
from holdfast_client.orders.account import Account, Claim, ReservedLine
from holdfast_client.orders.authority import Desk
from holdfast_client.orders.outcomes import Outcomes
from holdfast_client.orders.plan import Adjustment, Cancellation, Order
from holdfast_client.request_ids import new_request_id

MAX_RELEASE_LINES = 1_000
"""The most lines of one release, as the service bounds it."""


class Course(Protocol):
    """The course of one event."""

    async def run(self, authority: Desk, patience: Patience) -> None:
        """Goes on from where it stands.

        Raises NoAnswerError if the service gives no answer; it can be run again.
        """
        ...


class OrderCourse:
    """Reserve, then commit."""

    def __init__(self, order: Order, *, partial: bool, account: Account, outcomes: Outcomes) -> None:
        self._order = order
        self._partial = partial
        self._account = account
        self._outcomes = outcomes
        self._create_id = new_request_id()
        self._commit_id = new_request_id()
        self._reservation: reservation_pb2.Reservation | None = None
        account.asked(sequence=order.sequence, customer=order.customer, skus=(line.sku for line in order.lines))
        outcomes.orders += 1
        outcomes.lines += len(order.lines)
        outcomes.units_asked += sum(line.quantity for line in order.lines)

    async def run(self, authority: Desk, patience: Patience) -> None:
        """Asks for the units unless they were granted before; then lets the order stand."""
        if self._reservation is None:
            try:
                answer = await patience.ask(lambda: self._create(authority))
            except errors.HoldfastError as refusal:
                self._outcomes.refused[_reason(refusal)] += 1
                return
            self._reservation = answer.reservation
            self._account.reserved(_lines(answer.reservation))
            self._outcomes.reserved += 1
            self._outcomes.reserved_in_part += bool(answer.shortfalls)
            self._outcomes.units_reserved += sum(line.quantity for line in answer.reservation.lines)
        await self._commit(self._reservation, authority, patience)

    async def _create(self, authority: Desk) -> inventory_service_pb2.CreateReservationResponse:
        order = self._order
        return await authority.create_reservation(
            channel=order.channel,
            lines=[inventory_service_pb2.DemandLine(sku=line.sku, quantity=line.quantity) for line in order.lines],
            order_id=order.order_id,
            # Stock lies in several places: an order is refused when it is gone, not when it is spread.
            allow_split=True,
            partial=self._partial,
            request_id=self._create_id,
        )

    async def _commit(self, reservation: reservation_pb2.Reservation, authority: Desk, patience: Patience) -> None:
        reservation_id = reservation.reservation_id
        try:
            await patience.ask(lambda: authority.commit_reservation(reservation_id, request_id=self._commit_id))
        except errors.ReservationExpired:
            self._account.expired(_lines(reservation))
            self._outcomes.expired += 1
        except errors.HoldfastError as refusal:
            self._outcomes.commits_refused[_reason(refusal)] += 1
        else:
            self._account.stands(
                sequence=self._order.sequence,
                customer=self._order.customer,
                reservation_id=reservation_id,
                lines=_lines(reservation),
            )
            self._outcomes.committed += 1


class CancellationCourse:
    """Find what the customer has open of each SKU, and give it back, one release for each reservation it
    lies in.
    """

    def __init__(self, cancellation: Cancellation, *, account: Account, outcomes: Outcomes) -> None:
        self._cancellation = cancellation
        self._account = account
        self._outcomes = outcomes
        self._releases: list[_Release] | None = None
        self._released_lines: set[int] = set()
        outcomes.cancellations += 1
        outcomes.cancellation_lines += len(cancellation.lines)

    async def run(self, authority: Desk, patience: Patience) -> None:
        """Claims the units when it is run first; then sends the releases that are not sent yet."""
        if self._releases is None:
            self._releases = self._claim()
        while self._releases:
            release = self._releases[0]
            try:
                await patience.ask(functools.partial(self._send, release, authority))
            except errors.HoldfastError as refusal:
                self._account.handed_back(release.claims)
                self._outcomes.releases_refused[_reason(refusal)] += 1
            else:
                self._account.released(release.claims)
                self._outcomes.units_released += sum(claim.quantity for claim in release.claims)
                self._outcomes.released += len(release.cancelled_lines - self._released_lines)
                self._released_lines |= release.cancelled_lines
            self._releases.pop(0)

    async def _send(self, release: _Release, authority: Desk) -> object:
        return await authority.release_reservation(
            release.reservation_id,
            lines=[
                inventory_service_pb2.ReleaseLine(line_number=number, quantity=quantity)
                for number, quantity in release.units_by_line.items()
            ],
            reason=f"cancelled by {self._cancellation.order_id}",
            request_id=release.request_id,
        )

    def _claim(self) -> list[_Release]:
        cancellation = self._cancellation
        releases: dict[str, list[_Release]] = {}
        for index, line in enumerate(cancellation.lines):
            claims = self._account.claim(
                customer=cancellation.customer,
                sku=line.sku,
                quantity=line.quantity,
                before=cancellation.sequence,
            )
            missing = line.quantity - sum(claim.quantity for claim in claims)
            self._outcomes.units_cancelled_unmatched += missing
            if not claims:
                self._outcomes.cancellations_unmatched[self._unmatched_cause(line.sku)] += 1
            elif missing:
                self._outcomes.released_in_part += 1
            for claim in claims:
                _add_claim(releases.setdefault(claim.reservation_id, []), claim, index)
        return [release for parts in releases.values() for release in parts]

    def _unmatched_cause(self, sku: str) -> str:
        customer, before = self._cancellation.customer, self._cancellation.sequence
        if not customer:
            return "no customer"
        asked = self._account.has_asked(customer=customer, sku=sku, before=before)
        return "nothing open" if asked else "never ordered"


class AdjustmentCourse:
    """Write units off, or book found ones, at locations that the file does not name."""

    def __init__(
        self, adjustment: Adjustment, *, locations: Sequence[str], account: Account, outcomes: Outcomes
    ) -> None:
        self._adjustment = adjustment
        self._locations = locations
        self._account = account
        self._outcomes = outcomes
        self._request_id = new_request_id()
        self._deltas: list[tuple[str, str, int]] | None = None
        outcomes.adjustments += 1

    async def run(self, authority: Desk, patience: Patience) -> None:
        """Chooses the locations when it is run first; then sends the correction."""
        if self._deltas is None:
            self._deltas = self._choose()
        try:
            await patience.ask(lambda: self._send(authority))
        except errors.HoldfastError as refusal:
            self._outcomes.adjustments_refused[_reason(refusal)] += 1
            return
        for sku, location, delta in self._deltas:
            self._account.adjusted(sku, location, delta)
        self._outcomes.adjusted += 1
        self._outcomes.units_adjusted += sum(delta for _, _, delta in self._deltas)

    async def _send(self, authority: Desk) -> object:
        return await authority.adjust_stock(
            [
                inventory_service_pb2.AdjustmentLine(sku=sku, location=location, delta_quantity=delta)
                for sku, location, delta in self._deltas or ()
            ],
            reason=self._adjustment.reason,
            reference=self._adjustment.order_id,
            request_id=self._request_id,
        )

    def _choose(self) -> list[tuple[str, str, int]]:
        totals: Counter[str] = Counter()
        for line in self._adjustment.lines:
            totals[line.sku] += line.quantity
        return [
            (sku, location, delta)
            for sku, total in totals.items()
            for location, delta in self._account.spread(sku, total, locations=self._locations)
        ]


class _Release:
    """What one cancellation gives back of one reservation, in one call."""

    def __init__(self, reservation_id: str) -> None:
        self.reservation_id = reservation_id
        self.request_id = new_request_id()
        self.claims: list[Claim] = []
        self.units_by_line: Counter[int] = Counter()
        self.cancelled_lines: set[int] = set()


def _add_claim(parts: list[_Release], claim: Claim, cancelled_line: int) -> None:
    """Puts the claim into the last release of its reservation, or into a further one if that is full."""
    if not parts or len(parts[-1].units_by_line) >= MAX_RELEASE_LINES:
        parts.append(_Release(claim.reservation_id))
    release = parts[-1]
    release.claims.append(claim)
    release.units_by_line[claim.line_number] += claim.quantity
    release.cancelled_lines.add(cancelled_line)


def _lines(reservation: reservation_pb2.Reservation) -> Iterable[ReservedLine]:
    return [
        ReservedLine(line_number=line.line_number, sku=line.sku, location=line.location, quantity=line.quantity)
        for line in reservation.lines
    ]


def _reason(refusal: errors.HoldfastError) -> str:
    return refusal.reason or refusal.code.name
