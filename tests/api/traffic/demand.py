"""Requests about reservations, from the demand to the return."""

from collections.abc import Sequence

from api.ids import some, uuid7
from api.traffic.chance import QUANTITIES, Chance
from model import requests, words
from model.requests import Request


class Demand(Chance):
    def demand_lines(
        self, channel: str, quantities: Sequence[int] = QUANTITIES, most: int = 4
    ) -> tuple[requests.DemandLine, ...]:
        return tuple(
            requests.DemandLine(
                sku=self.sku(),
                quantity=self.one_of(quantities),
                location=self.location_of(channel) if self.now_and_then(0.35) else "",
            )
            for _ in range(min(most, self.one_of((1, 1, 2, 2, 3, 4))))
        )

    def sourcing(self) -> requests.Sourcing | None:
        if self.now_and_then(0.5):
            return None
        order = self.one_of((words.POOL, words.NEAREST, words.NEAREST, words.MOST_STOCK, words.MOST_STOCK))
        destination = self.names("south") if self.now_and_then(0.05) else self.names.destination
        return requests.Sourcing(
            order=order,
            destination=destination if order == words.NEAREST else "",
            prefer_ship_complete=self.now_and_then(0.4),
        )

    def ask(self) -> Request:
        channel = self.channel()
        return requests.CreateReservation(
            request_id=uuid7(),
            channel=channel,
            order_id=self.one_of(("", "order-7")),
            lines=self.demand_lines(channel),
            ttl=requests.Duration(seconds=self.one_of((7_200, 86_400, 604_800))),
            allow_split=self.now_and_then(0.6),
            fill_policy=self.one_of((words.ALL_OR_NOTHING, words.PARTIAL)),
            customer_id=self.one_of(("", "", *self.names.customers)),
            allow_backorder=self.now_and_then(0.4),
            allow_substitution=self.now_and_then(0.4),
            sourcing=self.sourcing(),
        )

    def ask_beside_a_guarantee(self) -> Request:
        """For units at a location of which another pool's channel is guaranteed some."""
        state = self.model.state
        beside = [
            (sku, channel, sorted(set(state.pool(holder)) & set(state.pool(channel))))
            for (sku, holder), share in state.shares.items()
            for channel, pool in state.pool_of_channel.items()
            if share.unused and pool != state.pool_of_channel[holder]
        ]
        common = [(sku, channel, locations) for sku, channel, locations in beside if locations]
        if not common:
            return self.ask()
        sku, channel, locations = self.one_of(common)
        location = self.one_of(locations)
        units = max(1, self.model.net(sku, location) - self.one_of((0, 0, 1, 2)))
        line = requests.DemandLine(sku=sku, quantity=units, location=self.one_of(("", location)))
        return requests.CreateReservation(
            request_id=uuid7(),
            channel=channel,
            lines=(line, *self.demand_lines(channel, most=1)) if self.now_and_then(0.3) else (line,),
            ttl=requests.Duration(seconds=7_200),
            allow_split=self.now_and_then(0.5),
            fill_policy=self.one_of((words.ALL_OR_NOTHING, words.PARTIAL)),
            allow_backorder=self.now_and_then(0.4),
            sourcing=self.sourcing(),
        )

    def tell(self) -> Request:
        channel = self.channel()
        return requests.CreateReservation(
            request_id=uuid7(),
            channel=channel,
            order_id=self.one_of(("", "order-8")),
            lines=self.demand_lines(channel, (1, 1, 1, 2, 3, 5), most=2),
            ttl=None,
            fill_policy="",
            demand=words.TOLD,
            customer_id=self.one_of(("", self.names.customers[0])),
            sourcing=self.sourcing(),
            seen_revision=self.past_revision() if self.now_and_then(0.5) else None,
        )

    def commit(self) -> Request:
        return requests.CommitReservation(request_id=uuid7(), reservation_id=self.reservation_id(words.HELD))

    def extend(self) -> Request:
        ttl = requests.Duration(seconds=self.one_of((7_200, 604_800)))
        reservation_id = self.reservation_id(words.HELD)
        return requests.ExtendReservation(request_id=uuid7(), reservation_id=reservation_id, ttl=ttl)

    def release(self) -> Request:
        lines = tuple(
            requests.ReleaseLine(line_number=number, quantity=self.one_of((0, 1, 1, 2)))
            for number in self.some_of((1, 2, 3), 2)
        )
        return requests.ReleaseReservation(
            request_id=uuid7(),
            reservation_id=self.reservation_id(*words.LIVE),
            lines=() if self.now_and_then(0.5) else lines,
        )

    def transfer_reservation(self) -> Request:
        lines: list[requests.ReservationTransferLine] = []
        for number in self.some_of((1, 1, 2), 2):
            to_pool = self.now_and_then(0.4)
            line = requests.ReservationTransferLine(
                line_number=number,
                quantity=self.one_of((0, 1, 1, 2)),
                location="" if to_pool else self.location(),
                pool=self.pool() if to_pool else "",
            )
            if number not in {line.line_number for line in lines}:
                lines.append(line)
        return requests.TransferReservation(
            request_id=uuid7(), reservation_id=self.reservation_id(*words.LIVE), lines=tuple(lines)
        )

    def fulfill(self) -> Request:
        lines = tuple(
            requests.FulfillmentLine(
                line_number=number,
                quantity=self.one_of((0, 1, 1, 2)),
                location=self.location() if self.now_and_then(0.3) else "",
                missing_quantity=self.one_of((0, 0, 1)),
            )
            for number in self.some_of((1, 2, 3), 2)
        )
        return requests.PostFulfillment(
            request_id=uuid7(),
            reservation_id=self.reservation_id(words.COMMITTED),
            lines=() if self.now_and_then(0.4) else lines,
            source_missing_anew=self.now_and_then(0.5),
            release_rest=self.now_and_then(0.2),
            take_reserved=self.now_and_then(0.3),
        )

    def deliver(self) -> Request:
        """What is ready of an order, as it may be in a warehouse: in part from elsewhere, in part not to be found."""
        orders = [order for order in self.model.state.live.values() if order.state == words.COMMITTED]
        parts = [(order, [line for line in order.lines if line.ready]) for order in orders]
        several = [(order, lines) for order, lines in parts if len(lines) > 1]
        fitting = several if several and self.now_and_then(0.7) else [part for part in parts if part[1]]
        if not fitting:
            return self.commit()
        order, lines = self.one_of(fitting[-6:])
        return requests.PostFulfillment(
            request_id=uuid7(),
            reservation_id=order.reservation_id,
            lines=tuple(self._left(line) for line in self.shuffled(lines, self.one_of((1, 2, 2, 3)))),
            source_missing_anew=self.now_and_then(0.6),
            take_reserved=self.now_and_then(0.2),
        )

    def _left(self, line: words.ReservationLine) -> requests.FulfillmentLine:
        missing = min(line.ready, self.one_of((0, 0, 1, 2, line.ready)))
        return requests.FulfillmentLine(
            line_number=line.line_number,
            quantity=min(line.ready - missing, self.one_of((0, 1, 2, line.ready))),
            location=self.one_of(self.names.locations) if self.now_and_then(0.4) else "",
            missing_quantity=missing,
        )

    # Returns.

    def come_back(self) -> Request:
        reservation_id = self.reservation_id(words.FULFILLED, words.COMMITTED) if self.now_and_then(0.8) else ""
        lines = [
            requests.ReturnLine(line_number=number, quantity=self.one_of((1, 1, 2)))
            for number in self.some_of((1, 2), 2)
            if reservation_id
        ]
        if not lines or self.now_and_then(0.2):
            lines.append(requests.ReturnLine(sku=self.stocked_sku(), quantity=self.up_to(2)))
        receipt = requests.ReturnReceipt(
            location=self.location(),
            reservation_id=reservation_id,
            lines=tuple(lines),
            accept_blind=self.now_and_then(0.5),
        )
        known = self.document_id(words.CUSTOMER_RETURN)
        return_id = known if self.now_and_then(0.1) else some("return")
        return requests.ProcessReturn(request_id=uuid7(), return_id=return_id, receipt=receipt)

    def inspect(self) -> Request:
        if self.lacks(words.CUSTOMER_RETURN):
            return self.come_back()
        lines = tuple(
            requests.InspectionLine(
                line_number=number,
                sellable_quantity=self.one_of((0, 1)),
                damaged_quantity=self.one_of((0, 0, 1)),
                vendor_quantity=self.one_of((0, 0, 1)),
            )
            for number in self.some_of((1, 1, 2), 1)
        )
        return_id = self.document_id(words.CUSTOMER_RETURN, words.IN_INSPECTION)
        inspection = requests.ReturnInspection(lines=lines)
        return requests.ProcessReturn(request_id=uuid7(), return_id=return_id, inspection=inspection)

    # What went wrong.

    def resolve(self) -> Request:
        if self.lacks(words.INCIDENT):
            return self.tell()
        kinds = (words.CANCEL, words.CANCEL, words.BACKORDER, words.SUBSTITUTE, words.TRANSFER)
        resolution = self.one_of(kinds)
        return requests.ResolveIncident(
            request_id=uuid7(),
            incident_id=self._incident_to_resolve(),
            resolution=resolution,
            substitute_sku=self.stocked_sku() if resolution == words.SUBSTITUTE else "",
            to_location=self.location() if resolution == words.TRANSFER else "",
            reason=self.one_of(("", "as agreed")),
        )

    def _incident_to_resolve(self) -> str:
        """Mostly one of a reservation that waits, if only for units of another incident."""
        state = self.model.state
        waiting = [
            incident.document_id
            for (kind, _), incident in state.documents.items()
            if kind == words.INCIDENT and incident.state not in words.ENDS
            if (order := state.live.get(incident.reservation_id)) and any(line.backordered for line in order.lines)
        ]
        if waiting and self.now_and_then(0.7):
            return self.one_of(waiting[-6:])
        return self.document_id(words.INCIDENT, words.OPEN, words.RESOLVED)

    def close_incident(self) -> Request:
        if self.lacks(words.INCIDENT):
            return self.tell()
        incident_id = self.document_id(words.INCIDENT, words.OPEN, words.RESOLVED)
        return requests.CloseIncident(request_id=uuid7(), incident_id=incident_id, reason=self.one_of(("", "over")))

    def note_posting(self) -> Request:
        return requests.NotePosting(
            request_id=uuid7(),
            reservation_id=self.reservation_id(),
            system=self.one_of(("netsuite", "dynamics")),
            document=some("invoice"),
            booked_revision=self.past_revision() if self.now_and_then(0.5) else None,
            booked_time=self.one_of((None, requests.Time(seconds=1_700_000_000))),
        )

    def discard_parked(self) -> Request:
        parked_id = self.document_id(words.PARKED, words.WAITING)
        return requests.DiscardParkedRequest(request_id=uuid7(), parked_id=parked_id, reason="a mistake")
