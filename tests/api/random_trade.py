"""Requests at random, of every kind, about a trade so small that they meet.

Whoever draws them decides where chance comes from: a seed, or hypothesis. What is drawn looks at the model, so
that most requests are about something that is there; some name what never was.
"""

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import count, islice
from typing import TypeVar

from api.ids import some, uuid7
from model import requests, words
from model.authority import ModelAuthority
from model.requests import Request, Time

Value = TypeVar("Value")

DAY_SECONDS = 24 * 60 * 60
# Days from today that nothing depends on midnight for.
PAST_DAY, FUTURE_DAYS = -3, (2, 4, 9)
QUANTITIES = (1, 1, 1, 1, 2, 2, 3, 4, 6, 9)


@dataclass(slots=True)
class Names:
    """Names that no other history uses. Of some kinds one is named now and then that is never created."""

    token: str = field(default_factory=lambda: some("h"))

    def __call__(self, name: str) -> str:
        return f"{name}.{self.token}"

    @property
    def items(self) -> list[str]:
        return [self("socks"), self("shirt"), self("scarf")]

    @property
    def kit(self) -> str:
        return self("gift-set")

    @property
    def skus(self) -> list[str]:
        return [*self.items, self.kit]

    @property
    def no_sku(self) -> str:
        return self("no-such-sku")

    @property
    def locations(self) -> list[str]:
        return [self("near"), self("far"), self("store")]

    @property
    def pools(self) -> list[str]:
        return [self("web-pool"), self("till-pool")]

    @property
    def channels(self) -> list[str]:
        return [self("web"), self("app"), self("till")]

    @property
    def customers(self) -> list[str]:
        return [self("ann"), self("bob")]

    @property
    def destination(self) -> str:
        return self("north")


class RandomTrade:
    """Draws requests about the trade of one model."""

    def __init__(self, chance: random.Random, model: ModelAuthority, names: Names, *, alone: bool = False) -> None:
        """`alone` says that limits may be put on everyone, since there is nobody else."""
        self.chance = chance
        self.model = model
        self.names = names
        self.alone = alone
        self.numbers = count(1)
        self.noon = int(time.time()) // DAY_SECONDS * DAY_SECONDS + DAY_SECONDS // 2

    # Chance.

    def now_and_then(self, share: float) -> bool:
        return self.chance.randint(1, 100) <= share * 100

    def one_of(self, values: Sequence[Value]) -> Value:
        return values[self.chance.randint(0, len(values) - 1)]

    def some_of(self, values: Sequence[Value], most: int) -> list[Value]:
        """One or more, each at most once."""
        left = list(values)
        return [left.pop(self.chance.randint(0, len(left) - 1)) for _ in range(min(self.up_to(most), len(left)))]

    def up_to(self, most: int) -> int:
        return self.chance.randint(1, most)

    def day(self) -> Time:
        days = self.one_of((PAST_DAY, *FUTURE_DAYS, *FUTURE_DAYS))
        return Time(seconds=self.noon + days * DAY_SECONDS)

    # Names.

    def sku(self) -> str:
        first, second, third = self.names.items
        if self.now_and_then(0.01):
            return self.names.no_sku
        return self.one_of((first, first, first, second, second, third, self.names.kit))

    def stocked_sku(self) -> str:
        if self.now_and_then(0.04):
            return self.one_of((self.names.kit, self.names.no_sku))
        first, second, third = self.names.items
        return self.one_of((first, first, first, second, second, third))

    def location(self) -> str:
        return self.names("nowhere") if self.now_and_then(0.02) else self.one_of(self.names.locations)

    def channel(self) -> str:
        web, app, till = self.names.channels
        return self.names("nobody") if self.now_and_then(0.01) else self.one_of((web, web, web, app, till))

    def pool(self) -> str:
        return self.names("no-pool") if self.now_and_then(0.05) else self.one_of(self.names.pools)

    def status(self) -> str:
        return self.one_of((words.SELLABLE, words.SELLABLE, words.QUALITY_HOLD, words.DAMAGED))

    def reservation_id(self, *states: str) -> str:
        """A late one, mostly in one of the states; or one that never was."""
        latest = list(islice(reversed(self.model.reservations.values()), 30))
        fitting = [reservation for reservation in latest if reservation.state in states]
        if not latest or self.now_and_then(0.02):
            return some("reservation")
        choice = fitting if fitting and self.now_and_then(0.85) else latest
        return self.one_of(choice[:6]).reservation_id

    def document_id(self, kind: str, *states: str) -> str:
        """A late one, mostly in one of the states; or one that never was."""
        latest = [document for document in reversed(self.model.state.documents.values()) if document.kind == kind]
        fitting = [document for document in latest if document.state in states]
        if not latest or self.now_and_then(0.05):
            return some("document")
        return self.one_of((fitting if fitting and self.now_and_then(0.85) else latest)[:5]).document_id

    # What is there at the start.

    def opening(self) -> list[Request]:
        names = self.names
        socks, shirt, scarf = names.items
        near, far, store = names.locations
        web, app, till = names.channels
        parts = (requests.KitPart(sku=socks, quantity=1), requests.KitPart(sku=shirt, quantity=2))
        kit = requests.Item(sku=names.kit, parts=parts)
        items = (kit, *(requests.Item(sku=sku) for sku in names.items))
        pools = (
            requests.Pool(pool=names.pools[0], locations=tuple(self.some_of((near, far, store), 3)) or (near, far)),
            requests.Pool(pool=names.pools[1], locations=(store, near)),
        )
        channels = zip((web, app, till), (names.pools[0], *names.pools), strict=True)
        stock = tuple(
            requests.ReceiptLine(sku=sku, location=location, quantity=self.up_to(9))
            for sku, location in (
                (socks, near),
                (socks, far),
                (socks, store),
                (shirt, near),
                (shirt, far),
                (scarf, near),
            )
        )
        places = tuple(requests.Location(location=location) for location in names.locations)
        return [
            requests.PutItems(request_id=uuid7(), items=items),
            requests.PutLocations(request_id=uuid7(), locations=places),
            requests.PutPools(request_id=uuid7(), pools=pools),
            requests.PutChannels(
                request_id=uuid7(), channels=tuple(requests.Channel(channel=c, pool=p) for c, p in channels)
            ),
            requests.ReceiveStock(request_id=uuid7(), lines=stock),
            self.declare_distances(),
        ]

    # Demand.

    def demand_lines(self) -> tuple[requests.DemandLine, ...]:
        return tuple(
            requests.DemandLine(
                sku=self.sku(),
                quantity=self.one_of(QUANTITIES),
                location=self.location() if self.now_and_then(0.35) else "",
            )
            for _ in range(self.one_of((1, 1, 2, 2, 3, 4)))
        )

    def sourcing(self) -> requests.Sourcing | None:
        if self.now_and_then(0.5):
            return None
        order = self.one_of((words.POOL, words.NEAREST, words.NEAREST, words.MOST_STOCK))
        destination = self.names("south") if self.now_and_then(0.05) else self.names.destination
        return requests.Sourcing(
            order=order,
            destination=destination if order == words.NEAREST else "",
            prefer_ship_complete=self.now_and_then(0.4),
        )

    def ask(self) -> Request:
        return requests.CreateReservation(
            request_id=uuid7(),
            channel=self.channel(),
            order_id=self.one_of(("", "order-7")),
            lines=self.demand_lines(),
            ttl=requests.Duration(seconds=self.one_of((7_200, 86_400, 604_800))),
            allow_split=self.now_and_then(0.6),
            fill_policy=self.one_of((words.ALL_OR_NOTHING, words.PARTIAL)),
            customer_id=self.one_of(("", "", *self.names.customers)),
            allow_backorder=self.now_and_then(0.4),
            allow_substitution=self.now_and_then(0.4),
            sourcing=self.sourcing(),
        )

    def tell(self) -> Request:
        seen = None
        if self.now_and_then(0.5):
            position = self.chance.randint(max(0, self.model.position - 20), self.model.position)
            seen = requests.Revision(segment=self.model.state.segment, position=position)
        return requests.CreateReservation(
            request_id=uuid7(),
            channel=self.channel(),
            order_id=self.one_of(("", "order-8")),
            lines=self.demand_lines(),
            ttl=None,
            fill_policy="",
            demand=words.TOLD,
            customer_id=self.one_of(("", self.names.customers[0])),
            sourcing=self.sourcing(),
            seen_revision=seen,
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
        lines = []
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

    # Stock.

    def receive(self) -> Request:
        inbound = self.document_id(words.INBOUND, words.EXPECTED) if self.now_and_then(0.3) else ""
        plan = self.model.state.documents.get((words.INBOUND, inbound))
        location = plan.location if plan else self.location()
        lines = tuple(
            requests.ReceiptLine(
                sku=self.stocked_sku(),
                location=location if self.now_and_then(0.9) else self.location(),
                quantity=words.MAX_QUANTITY if self.now_and_then(0.01) else self.up_to(9),
                status=self.status(),
            )
            for _ in range(self.one_of((1, 1, 2, 3)))
        )
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
        position = self.chance.randint(max(0, self.model.position - 15), self.model.position)
        as_of = requests.Revision(segment=self.model.state.segment, position=position)
        return requests.CountStock(
            request_id=uuid7(),
            lines=tuple(lines),
            as_of_revision=as_of if self.now_and_then(0.5) else None,
            park_unknown=self.now_and_then(0.5),
        )

    def move_status(self) -> Request:
        lines = []
        for _ in range(self.up_to(2)):
            from_status, to_status = self.some_of((words.SELLABLE, words.QUALITY_HOLD, words.DAMAGED), 1)[0], ""
            others = [status for status in words.STATUS_FIELDS if status != from_status]
            to_status = self.one_of(others)
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
        inbound_id = known if self.now_and_then(0.6) else some("inbound")
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

    # Master data and rules.

    def change_pool(self) -> Request:
        locations = self.some_of([*self.names.locations, self.location()], 3) if self.now_and_then(0.95) else []
        pool = requests.Pool(pool=self.one_of(self.names.pools), locations=tuple(dict.fromkeys(locations)))
        return requests.PutPools(request_id=uuid7(), pools=(pool,))

    def move_channel(self) -> Request:
        channel = requests.Channel(channel=self.one_of(self.names.channels), pool=self.pool())
        return requests.PutChannels(request_id=uuid7(), channels=(channel,))

    def change_item(self) -> Request:
        """An item is sold no longer or again; a kit gets other parts, or is asked to be one where it cannot be."""
        if self.now_and_then(0.5):
            item = requests.Item(sku=self.one_of(self.names.items), inactive=self.now_and_then(0.3))
            if self.now_and_then(0.1):
                item = requests.Item(sku=item.sku, scale=1)
        else:
            stocked = [sku for sku in self.names.items if any(sku == of for of, _ in self.model.levels)]
            sku = self.one_of(stocked) if stocked and self.now_and_then(0.1) else self.names.kit
            parts = [*self.names.items, *([self.sku()] if self.now_and_then(0.3) else [])]
            item = requests.Item(
                sku=sku,
                inactive=self.now_and_then(0.2),
                parts=tuple(
                    requests.KitPart(sku=part, quantity=self.one_of((1, 1, 2, 3)))
                    for part in dict.fromkeys(self.some_of(parts, 2))
                ),
            )
        return requests.PutItems(request_id=uuid7(), items=(item,))

    def declare_distances(self) -> Request:
        places = tuple(
            requests.LocationDistance(location=location, distance=self.one_of((0, 1, 1, 5)))
            for location in dict.fromkeys(self.some_of(self.names.locations, 3))
        )
        distances = requests.Distances(destination=self.names.destination, locations=places)
        return requests.PutRules(request_id=uuid7(), rules=(requests.Rule(distances=distances),))

    def change_rules(self) -> Request:
        makers: tuple[Callable[[], dict[str, requests.AnyRule]], ...] = (
            self._safety,
            self._buffer,
            self._allotment,
            self._allotment,
            self._allotment,
            self._backorder,
            self._backorder,
            self._substitution,
            self._substitution,
            self._hold_limit,
        )
        made = [(self.one_of(makers)(), self.now_and_then(0.25)) for _ in range(self.one_of((1, 1, 2)))]
        # Of each kind one, so that no key is named twice.
        kinds = {name: (name, rule, removed) for given, removed in made for name, rule in given.items()}
        rules = tuple(requests.Rule(removed=removed, **{name: rule}) for name, rule, removed in kinds.values())  # type: ignore[arg-type]
        return requests.PutRules(request_id=uuid7(), rules=rules)

    def _safety(self) -> dict[str, requests.AnyRule]:
        sku = self.stocked_sku() if self.now_and_then(0.7) else ""
        location = self.location() if not sku or self.now_and_then(0.5) else ""
        return {"safety_stock": requests.SafetyStock(sku=sku, location=location, quantity=self.one_of((0, 1, 2)))}

    def _buffer(self) -> dict[str, requests.AnyRule]:
        sku = self.sku() if self.now_and_then(0.6) else ""
        buffer = requests.ChannelBuffer(channel=self.channel(), sku=sku, quantity=self.one_of((0, 1, 2)))
        return {"channel_buffer": buffer}

    def _allotment(self) -> dict[str, requests.AnyRule]:
        allotment = requests.Allotment(
            sku=self.stocked_sku(),
            channel=self.channel(),
            guaranteed_quantity=self.one_of((0, 1, 2, 3, 5)),
            cap_quantity=self.one_of((None, None, 0, 4, 8)),
            expire_time=self.one_of((None, Time(seconds=self.noon + 9 * DAY_SECONDS))),
        )
        return {"allotment": allotment}

    def _backorder(self) -> dict[str, requests.AnyRule]:
        rule = requests.BackorderRule(
            sku=self.stocked_sku(),
            location=self.location(),
            backorder_cap=self.one_of((0, 2, 5, 20)),
            expected_time=self.one_of((None, self.day())),
            preorder_cap=self.one_of((0, 1, 3)),
            release_time=self.one_of((None, None, self.day())),
        )
        return {"backorder": rule}

    def _substitution(self) -> dict[str, requests.AnyRule]:
        sku = self.stocked_sku()
        others = [other for other in (*self.names.items, self.stocked_sku()) if other != sku]
        substitutes = tuple(dict.fromkeys(self.some_of(others, 2)))
        return {"substitution": requests.SubstitutionRule(sku=sku, substitute_skus=substitutes)}

    def _hold_limit(self) -> dict[str, requests.AnyRule]:
        """Others call without a name too, and have customers: only who is alone may limit them."""
        scope, name = words.CUSTOMER, self.one_of(self.names.customers)
        if self.alone and self.now_and_then(0.5):
            scope, name = self.one_of(
                ((words.CUSTOMER, ""), (words.CALLER, ""), (words.CALLER, words.UNNAMED), (words.CALLER, "other"))
            )
        low = (0, 1, 2, 4) if scope == words.CUSTOMER else (10, 30)
        return {"hold_limit": requests.HoldLimit(scope=scope, name=name, max_open_holds=self.one_of(low))}

    def move_allotment(self) -> Request:
        giver, taker = self.channel(), self.channel()
        if giver == taker:
            taker = self.names("elsewhere")
        return requests.MoveAllotment(
            request_id=uuid7(),
            sku=self.stocked_sku(),
            from_channel=giver,
            to_channel=taker,
            quantity=self.up_to(2),
        )

    # What went wrong.

    def resolve(self) -> Request:
        kinds = (words.CANCEL, words.BACKORDER, words.SUBSTITUTE, words.TRANSFER)
        resolution = self.one_of(kinds)
        return requests.ResolveIncident(
            request_id=uuid7(),
            incident_id=self.document_id(words.INCIDENT, words.OPEN, words.RESOLVED),
            resolution=resolution,
            substitute_sku=self.stocked_sku() if resolution == words.SUBSTITUTE else "",
            to_location=self.location() if resolution == words.TRANSFER else "",
            reason=self.one_of(("", "as agreed")),
        )

    def close_incident(self) -> Request:
        incident_id = self.document_id(words.INCIDENT, words.OPEN, words.RESOLVED)
        return requests.CloseIncident(request_id=uuid7(), incident_id=incident_id, reason=self.one_of(("", "over")))

    def discard_parked(self) -> Request:
        parked_id = self.document_id(words.PARKED, words.WAITING)
        return requests.DiscardParkedRequest(request_id=uuid7(), parked_id=parked_id, reason="a mistake")

    # All of it.

    def anything(self) -> Request:
        return self.one_of(
            (
                *([self.ask] * 12),
                *([self.tell] * 3),
                *([self.commit] * 6),
                self.extend,
                *([self.release] * 4),
                *([self.transfer_reservation] * 4),
                *([self.fulfill] * 7),
                *([self.come_back] * 3),
                *([self.inspect] * 3),
                *([self.receive] * 9),
                *([self.adjust] * 2),
                *([self.count_stock] * 4),
                *([self.move_status] * 2),
                *([self.plan_inbound] * 3),
                *([self.ship] * 3),
                *([self.arrive] * 3),
                *([self.change_rules] * 5),
                self.move_allotment,
                self.change_pool,
                self.move_channel,
                self.change_item,
                self.declare_distances,
                *([self.resolve] * 3),
                self.close_incident,
                self.discard_parked,
            )
        )()
