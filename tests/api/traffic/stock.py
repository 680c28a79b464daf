"""Requests about units on hand and units to come."""

from dataclasses import replace

from api.ids import some, uuid7
from api.traffic.chance import Chance
from model import requests, words
from model.requests import Request


class Stock(Chance):
    def receive(self) -> Request:
        inbound = self.document_id(words.INBOUND, words.EXPECTED) if self.now_and_then(0.3) else ""
        plan = self.model.state.documents.get((words.INBOUND, inbound))
        location = plan.location if plan else self.location()
        lines = tuple(
            requests.ReceiptLine(
                sku=self.stocked_sku(),
                location=location if self.now_and_then(0.95) else self.location(),
                quantity=self.up_to(9),
                status=self.status() if self.now_and_then(0.4) else words.SELLABLE,
            )
            for _ in range(self.one_of((1, 1, 2, 3)))
        )
        if self.now_and_then(0.02):
            # As many as a level may have. Damaged ones are in nobody's way.
            lines = (replace(lines[0], quantity=words.MAX_QUANTITY, status=words.DAMAGED), *lines[1:])
        return requests.ReceiveStock(
            request_id=uuid7(), lines=lines, inbound_id=inbound, park_unknown=self.now_and_then(0.5)
        )

    def adjust(self) -> Request:
        lines = tuple(
            requests.AdjustmentLine(
                sku=self.stocked_sku(),
                location=self.location(),
                delta_quantity=self.one_of((-5, -2, -1, -1, 1, 2)),
                status=self.status(),
            )
            for _ in range(self.up_to(2))
        )
        return requests.AdjustStock(request_id=uuid7(), lines=lines, park_unknown=self.now_and_then(0.5))

    def count_stock(self) -> Request:
        places = {(self.stocked_sku(), self.location(), self.status()) for _ in range(self.up_to(2))}
        lines = []
        for sku, location, status in sorted(places):
            level = self.model.level(sku, location)
            on_hand = getattr(level, words.STATUS_FIELDS[status])
            line = requests.CountLine(
                sku=sku,
                location=location,
                status=status,
                counted_quantity=max(0, min(20, on_hand) + self.one_of((-1, 0, 0, 1, 3))),
                expected_quantity=self.one_of((None, None, on_hand, min(20, on_hand) + 1)),
            )
            lines.append(line)
        return requests.CountStock(
            request_id=uuid7(),
            lines=tuple(lines),
            as_of_revision=self.past_revision() if self.now_and_then(0.5) else None,
            park_unknown=self.now_and_then(0.5),
        )

    def move_status(self) -> Request:
        lines = []
        for _ in range(self.up_to(2)):
            from_status, to_status = self.shuffled(tuple(words.STATUS_FIELDS), 2)
            line = requests.StatusMoveLine(
                sku=self.stocked_sku(),
                location=self.location(),
                from_status=from_status,
                to_status=to_status,
                quantity=self.up_to(2),
            )
            lines.append(line)
        return requests.MoveStatus(request_id=uuid7(), lines=tuple(lines))

    def stocked_skus(self) -> list[str]:
        """One or two, each once."""
        skus = [*self.names.items, *([self.stocked_sku()] if self.now_and_then(0.1) else [])]
        return list(dict.fromkeys(self.some_of(skus, 2)))

    def plan_inbound(self) -> Request:
        known = self.document_id(words.INBOUND, words.EXPECTED)
        inbound_id = known if self.now_and_then(0.4) else some("inbound")
        plan = self.model.state.documents.get((words.INBOUND, inbound_id))
        lines = tuple(requests.InboundLine(sku=sku, quantity=self.up_to(9)) for sku in self.stocked_skus())
        return requests.PlanInbound(
            request_id=uuid7(),
            inbound_id=inbound_id,
            location=plan.location if plan and self.now_and_then(0.9) else self.location(),
            expected_time=self.day(),
            lines=() if self.now_and_then(0.1) else lines,
        )

    def ship(self) -> Request:
        from_location, to_location = self.location(), self.location()
        if from_location == to_location:
            to_location = self.names("elsewhere")
        known = self.document_id(words.TRANSFER)
        return requests.ShipTransfer(
            request_id=uuid7(),
            transfer_id=known if self.now_and_then(0.1) else some("transfer"),
            from_location=from_location,
            to_location=to_location,
            lines=tuple(requests.TransferLine(sku=sku, quantity=self.up_to(3)) for sku in self.stocked_skus()),
            expected_time=self.day() if self.now_and_then(0.7) else None,
        )

    def arrive(self) -> Request:
        if self.lacks(words.TRANSFER):
            return self.ship()
        transfer_id = self.document_id(words.TRANSFER, words.IN_TRANSIT)
        transfer = self.model.state.documents.get((words.TRANSFER, transfer_id))
        skus = [line.sku for line in transfer.lines] if transfer and self.now_and_then(0.9) else self.stocked_skus()
        lines = tuple(
            requests.TransferReceiptLine(
                sku=sku,
                received_quantity=self.one_of((0, 1, 1, 2)),
                lost_quantity=self.one_of((0, 0, 1)),
                status=self.status(),
            )
            for sku in skus
        )
        no_lines = self.now_and_then(0.4)
        return requests.ReceiveTransfer(request_id=uuid7(), transfer_id=transfer_id, lines=() if no_lines else lines)
